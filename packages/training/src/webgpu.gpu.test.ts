import { convert, type HostTensor, isFloat, tensor } from '@emu-ts/base';
import { type AnyOp, graphOf, input, interpret, tensorType, type Value } from '@emu-ts/graph';
import { describeGpu, expectClose, type OpCase, randomTensors, validatedDispatches } from '@emu-ts/testing';
import { type AnyKernel, type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cases as adamwCases } from './adamw/cases.js';
import { adamwKernel } from './adamw/kernel.js';
import { cases as squaresCases } from './sum-of-squares/cases.js';
import { sumOfSquaresKernel } from './sum-of-squares/kernel.js';

/** The kernels of an update against the interpreter: the cases of their ops, and shapes of several workgroups and passes. */
const f32 = (...shape: number[]) => tensorType('f32', shape);

const [, late, , skipped] = adamwCases;
const wide = (given: OpCase): OpCase => {
  const size = 700;
  const type = f32(size);
  const v = tensor(
    'f32',
    [size],
    new Float32Array(size).map((_, i) => i / size),
  );
  return {
    ...given,
    name: `${given.name}, several workgroups`,
    inputs: { ...given.inputs, param: type, gradient: type, m: type, v: type },
    given: { ...given.given, v },
  };
};
const squares = (...shape: number[]): OpCase => ({
  name: `[${shape}]`,
  inputs: { x: f32(...shape) },
  attrs: {},
  expectation: { terms: shape.reduce((a, b) => a * b) },
});

const kernels: readonly (readonly [string, AnyKernel, readonly OpCase[]])[] = [
  ['training.adamw', adamwKernel, [...adamwCases, wide(late), wide(skipped)]],
  ['training.sum_of_squares', sumOfSquaresKernel, [...squaresCases, squares(0), squares(70, 131)]],
];

function graphFor(kernel: AnyKernel, { inputs, attrs }: OpCase) {
  const symbols = Object.fromEntries(Object.entries(inputs).map(([name, type]) => [name, input(name, type)]));
  return graphOf((kernel.op as AnyOp)(symbols, attrs) as Record<string, Value>);
}

const tensorsOf = ({ inputs, given }: OpCase): Record<string, HostTensor> =>
  Object.fromEntries(
    Object.entries({ ...randomTensors(inputs), ...given }).map(([name, t]) => [
      name,
      isFloat(t.dtype) ? convert(t, inputs[name].dtype) : t,
    ]),
  );

describeGpu.each(kernels)('%s', (_, kernel, cases) => {
  let gpu: WebGpuExecutor;
  beforeAll(async () => {
    gpu = await webgpu({ kernels: [kernel] });
  });
  afterAll(() => gpu?.dispose());

  const small = cases.filter(({ benchOnly }) => !benchOnly).map((each) => [each.name, each] as const);
  it.each(small)('%s, in place and beside the old state', async (_, given) => {
    const graph = graphFor(kernel, given);
    const tensors = tensorsOf(given);
    const expected = interpret(graph, tensors);
    const state = Object.keys(graph.outputs).filter((name) => graph.inputs[name]);
    for (const donate of [{}, Object.fromEntries(state.map((name) => [name, name]))]) {
      await using program = await gpu.compile(graph, { donate });
      expect(program.plan()).toBe(`${kernel.op.name} ×1 by ${kernel.name}`);
      for (const [name, result] of Object.entries(await program.run(tensors))) {
        using held = result;
        expectClose(`${given.name}: ${name}`, await held.read(), expected[name], given.expectation);
      }
    }
  });
});

describeGpu('training.adamw', () => {
  it('gives the state back bit for bit when it is not applied, NaN gradients or not', async () => {
    const tensors = { ...tensorsOf(skipped), gradient: tensor('f32', [2, 3], new Array(6).fill(Number.NaN)) };
    await using gpu = await webgpu({ kernels: [adamwKernel] });
    await using program = await gpu.compile(graphFor(adamwKernel, skipped));
    expect(program.dispatches).toBe(1);
    for (const [name, result] of Object.entries(await program.run(tensors))) {
      using held = result;
      expect([...(await held.read()).data]).toEqual([...tensors[name as keyof typeof tensors].data]);
    }
  });
});

describe('on the null backend', () => {
  it.each(kernels)('%s validates', async (_, kernel, cases) => {
    const exact = new Set(kernel === adamwKernel ? Object.keys(adamwCases[0].inputs) : []);
    expect(await validatedDispatches(kernel, cases, exact)).toBeGreaterThan(0);
  });
});
