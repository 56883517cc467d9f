import { type HostTensor, random } from '@emu-ts/base';
import {
  type AnyOp,
  graphOf,
  input,
  interpret,
  type TensorType,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import { describeGpu, expectClose, nullGpu, randomTensors } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';
import { describe, expect, it } from 'vitest';
import { linearInt4Op, linearInt8Op } from './index.js';
import { nnRoundedKernels } from './webgpu.js';

/** Kernels that round their operands: against the interpreter where they can run, and validated where they cannot. */
const sizes = [
  [19, 60, 20],
  [70, 96, 66],
] as const;

const codesOf = (n: number, groups: number, bits: 4 | 8): HostTensor => {
  const bytes = n * groups * 4 * bits;
  const data = Uint8Array.from(random(5).bits(bytes), (word) => word & 255);
  return { dtype: 'u8', shape: [n, groups, 4 * bits], data };
};

const symbols = (types: Readonly<Record<string, TensorType>>) =>
  Object.fromEntries(
    Object.entries(types).map(([name, { dtype, shape }]) => [name, input(name, { dtype, shape })]),
  );

describeGpu('linear layers by dot products of bytes', () => {
  it.each([
    [linearInt4Op as AnyOp, 4],
    [linearInt8Op as AnyOp, 8],
  ] as const)('%#: codes in groups', async (op, bits) => {
    await using gpu = await webgpu({ kernels: nnRoundedKernels });
    for (const [m, k, n] of sizes) {
      const groups = Math.ceil(k / 32);
      const types = {
        x: tensorType('f32', [m, k]),
        codes: tensorType('u8', [n, groups, 4 * bits]),
        scales: tensorType('f32', [n, groups]),
        bias: tensorType('f32', [n]),
      };
      const drawn = randomTensors({ x: types.x, scales: types.scales, bias: types.bias });
      const tensors = Object.fromEntries(
        Object.entries(drawn).map(([name, { shape, data }]) => [
          name,
          { dtype: 'f32', shape, data: Float32Array.from(data as Float64Array) } as HostTensor,
        ]),
      );
      const given = { ...tensors, codes: codesOf(n, groups, bits) };
      const graph = graphOf(op(symbols(types), {}) as Record<string, Value>);
      expect(gpu.plan(graph)).toContain('dot products');
      await using program = await gpu.compile(graph);
      const { y } = await program.run(given);
      // A byte moves an element by at most 1/254 of the largest of its group: about a unit of bf16.
      expectClose(`${op.name} dot products ${m} × ${k} × ${n}`, await y.read(), interpret(graph, given).y, {
        dtype: 'bf16',
        terms: k,
        magnitude: 2 ** (bits - 1),
      });
      y.dispose();
    }
  });
});

describe('on the null backend', async () => {
  const gpu = await nullGpu();
  it.each(nnRoundedKernels.map((kernel) => [kernel.name, kernel] as const))(
    '%s validates',
    async (_, kernel) => {
      const op = kernel.op as AnyOp;
      await using executor = await webgpu({ gpu, kernels: [kernel] });
      const bits = op.name.includes('int4') ? 4 : 8;
      const weights: Record<string, TensorType> = op.name.includes('int')
        ? { codes: tensorType('u8', [130, 3, 4 * bits]), scales: tensorType('f16', [130, 3]) }
        : { weight: tensorType('f16', [130, 70]) };
      const normed = op.name.endsWith('norm');
      const rest = { residual: tensorType('f32', [65, 130]), gain: tensorType('f32', [130]) };
      const types = {
        x: tensorType('f32', [65, 70]),
        ...weights,
        bias: tensorType('f32', [130]),
        ...(normed ? rest : {}),
      };
      const attrs = normed
        ? { norm: 'rms', eps: 1e-6 }
        : op.name.endsWith('activated')
          ? { activation: 'gelu' }
          : {};
      const graph = graphOf(op(symbols(types), attrs) as Record<string, Value>);
      expect(executor.plan(graph)).toContain(kernel.name);
      await using program = await executor.compile(graph);
      expect(program.dispatches).toBeGreaterThan(0);
    },
  );
});
