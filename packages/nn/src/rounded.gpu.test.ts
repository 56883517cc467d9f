import { convert, type HostTensor } from '@emu-ts/base';
import { type AnyOp, graphOf, input, interpret, type Value } from '@emu-ts/graph';
import {
  describeGpu,
  expectClose,
  type OpCase,
  randomTensors,
  validatedDispatches,
  withMatrixUnits,
} from '@emu-ts/testing';
import { type AnyKernel, type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kernelCases } from './kernel-cases.js';
import { nnRoundedKernels } from './webgpu.js';

/**
 * Kernels that round their operands, against the interpreter: dot products as they are, and products on matrix units with those
 * in plain WGSL. Operands are halves from the start, so where nothing is computed from them before they are multiplied,
 * products are exact, and sums as near as those of f32.
 */
const onUnits = ({ name }: AnyKernel) => name.includes('matrix units');
/** Layers come in many kinds, each of which has the same edges: of theirs the largest. */
const casesOf = ({ op }: AnyKernel) =>
  kernelCases[op.name].filter(({ benchOnly }) => !benchOnly).slice(op.name.startsWith('nn.linear') ? -3 : 0);

/** What a case's operands are rounded to. A byte moves an element by at most 1/254 of the largest of its group. */
function precision(kernel: AnyKernel, { inputs }: OpCase): 'f32' | 'f16' | 'bf16' {
  if (!onUnits(kernel)) return 'bf16';
  return inputs.codes || inputs.gain || inputs.q ? 'f16' : 'f32';
}

/** What a case gives stays as it is: the most negative number of a mask is no half. */
const drawn = ({ inputs, given = {} }: OpCase): Record<string, HostTensor> => {
  const random = randomTensors(inputs);
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype }]) => {
      const halved = dtype === 'f32' && !given[name] ? convert(random[name], 'f16') : random[name];
      return [name, convert(given[name] ?? halved, dtype)];
    }),
  );
};

const outputsOf = ({ op }: AnyKernel, { inputs, attrs }: OpCase) => {
  const symbols = Object.entries(inputs).map(([name, type]) => [name, input(name, type)]);
  return (op as AnyOp)(Object.fromEntries(symbols), attrs) as Record<string, Value>;
};

const claims = (kernel: AnyKernel, testCase: OpCase, { capabilities }: WebGpuExecutor): boolean => {
  const { node } = Object.values(outputsOf(kernel, testCase))[0];
  const types = { ...node.inputs, ...node.outputs };
  return (kernel.supports?.(types, node.attrs, capabilities) ?? true) === true;
};

/** How the lanes of a norm fold is tried where nothing is rounded. */
const tried = nnRoundedKernels.filter(({ name }) => !name.endsWith('subgroups'));

describeGpu.each(tried.map((kernel) => [kernel.name, kernel] as const))('%s', (_, kernel) => {
  let plain: WebGpuExecutor;
  let gpu: WebGpuExecutor;
  beforeAll(async () => {
    plain = await webgpu({ kernels: [kernel] });
    gpu = onUnits(kernel)
      ? await webgpu({ device: withMatrixUnits(plain.device), kernels: [kernel] })
      : plain;
  });
  afterAll(async () => {
    await gpu?.dispose();
    await plain?.dispose();
  });

  it.each(casesOf(kernel).map((testCase) => [testCase.name, testCase] as const))(
    '%s',
    async (label, testCase) => {
      if (!claims(kernel, testCase, gpu)) return;
      const tensors = drawn(testCase);
      const graph = graphOf(outputsOf(kernel, testCase));
      const expected = interpret(graph, tensors);
      await using program = await gpu.compile(graph);
      expect(program.plan()).toContain(`by ${kernel.name}`);
      const terms = Math.max(...Object.values(testCase.inputs).flatMap(({ shape }) => shape));
      for (const [name, result] of Object.entries(await program.run(tensors))) {
        using held = result;
        expectClose(`${kernel.name} ${label} ${name}`, await held.read(), expected[name], {
          terms,
          ...testCase.expectation,
          dtype: precision(kernel, testCase),
        });
      }
    },
  );
});

describe('on the null backend', () => {
  it.each(nnRoundedKernels.map((kernel) => [kernel.name, kernel] as const))(
    '%s validates',
    async (_, kernel) => {
      expect(await validatedDispatches(kernel, kernelCases[kernel.op.name])).toBeGreaterThan(0);
    },
  );
});
