import { convert, isFloat } from '@emu-ts/base';
import { type AnyOp, graphOf, input, interpret, type Value } from '@emu-ts/graph';
import { describeGpu, expectClose, type OpCase, randomTensors, validatedDispatches } from '@emu-ts/testing';
import { type AnyKernel, type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kernelCases } from './kernel-cases.js';
import { nnKernels } from './webgpu.js';

/** Every kernel of nn, alone, on every case it claims, against the interpreter. */
const symbolsOf = (inputs: OpCase['inputs']) =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape }]) => [name, input(name, { dtype, shape })]),
  );

const claims = (kernel: AnyKernel, outputs: Record<string, Value>, executor: WebGpuExecutor) => {
  const { node } = Object.values(outputs)[0];
  return kernel.supports?.({ ...node.inputs, ...node.outputs }, node.attrs, executor.capabilities) ?? true;
};

describeGpu.each(nnKernels.map((kernel) => [kernel.name, kernel] as const))('%s', (_, kernel) => {
  const op = kernel.op as AnyOp;
  let gpu: WebGpuExecutor;
  beforeAll(async () => {
    gpu = await webgpu({ kernels: [kernel] });
  });
  afterAll(() => gpu?.dispose());

  it.each(kernelCases[op.name].filter(({ benchOnly }) => !benchOnly).map((c) => [c.name, c] as const))(
    '%s',
    async (label, { inputs, attrs, given, expectation }) => {
      const outputs = op(symbolsOf(inputs), attrs) as Record<string, Value>;
      if (claims(kernel, outputs, gpu) !== true) return;
      const drawn = { ...randomTensors(inputs), ...given };
      const tensors = Object.fromEntries(
        Object.entries(inputs).map(([name, { dtype }]) => [name, convert(drawn[name], dtype)]),
      );
      const graph = graphOf(outputs);
      const expected = interpret(graph, tensors);
      await using program = await gpu.compile(graph);
      expect(program.plan()).toBe(`${op.name} ×1 by ${kernel.name}`);
      const terms = Math.max(...Object.values(inputs).flatMap(({ shape }) => shape));
      for (const [name, result] of Object.entries(await program.run(tensors))) {
        using held = result;
        const { dtype } = outputs[name];
        const narrowest = Object.values(outputs).find((value) => value.dtype === 'f16')?.dtype ?? dtype;
        expectClose(`${kernel.name} ${label} ${name}`, await held.read(), expected[name], {
          dtype: isFloat(dtype) ? narrowest : 'f32',
          terms,
          ...expectation,
        });
      }
    },
  );
});

/** Operands that are f32 whatever the others are stored in. */
const statistics = new Set(['mean', 'rstd', 'logsumexp', 'dlogsumexp', 'dnll']);

/** True Emu shapes among them: every variant in f32 and f16, with and without `shader-f16`, on the null backend. */
describe('on the null backend', () => {
  it.each(nnKernels.map((kernel) => [kernel.name, kernel] as const))('%s validates', async (_, kernel) => {
    expect(await validatedDispatches(kernel, kernelCases[kernel.op.name], statistics)).toBeGreaterThan(0);
  });
});
