import { convert, random, sizeOf, tensor } from '@emu-ts/base';
import { graphOf, input, interpret, tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';
import { type AttentionAttrs, maskValue, sdpaOp } from './op.js';

const f32 = (...shape: number[]) => tensorType('f32', shape);
/** Scores, weights, output, and their cotangents: four products in a row. */
const expectation = { depth: 4 };
const qkv = (q: number[], k: number[], v = k) => ({ q: f32(...q), k: f32(...k), v: f32(...v) });

/** Nothing is left to the first query, by every kind of mask, nor to the second; two keys to the third. */
const lowest = -(2 - 2 ** -23) * 2 ** 127;
const hidden: OpCase = {
  name: 'queries whose keys are all hidden',
  inputs: { ...qkv([1, 2, 3, 4], [1, 2, 4, 4]), bias: f32(3, 4) },
  attrs: { scale: 0.5, causal: false },
  given: {
    bias: tensor(
      'f32',
      [3, 4],
      [
        ...[maskValue, 2 * maskValue, lowest, -Infinity],
        ...[maskValue, maskValue, maskValue, maskValue],
        ...[0, -Infinity, 0.5, maskValue],
      ],
    ),
  },
  expectation,
  differences: false, // beside a hidden key no step can be told
};

export const cases: readonly OpCase[] = [
  hidden,
  {
    name: 'small',
    inputs: qkv([2, 2, 3, 4], [2, 2, 5, 4]),
    attrs: { scale: 0.5, causal: false },
    expectation,
  },
  {
    name: 'causal',
    inputs: qkv([1, 2, 4, 3], [1, 2, 4, 3]),
    attrs: { scale: 0.7, causal: true },
    expectation,
  },
  {
    name: 'bias per head, values of another width',
    inputs: { ...qkv([2, 2, 3, 4], [2, 2, 5, 4], [2, 2, 5, 2]), bias: f32(2, 3, 5) },
    attrs: { scale: 1, causal: false },
    expectation,
  },
  {
    name: 'bias per key and causal',
    inputs: { ...qkv([2, 1, 3, 2], [2, 1, 3, 2]), bias: f32(2, 1, 1, 3) },
    attrs: { scale: 0.5, causal: true },
    expectation,
  },
  {
    name: 'f16 cache',
    inputs: { q: f32(1, 2, 1, 4), k: tensorType('f16', [1, 2, 6, 4]), v: tensorType('f16', [1, 2, 6, 4]) },
    attrs: { scale: 0.5, causal: false },
    expectation,
  },
  {
    name: 'head size 10',
    inputs: qkv([1, 6, 17, 10], [1, 6, 17, 10]),
    attrs: { scale: 10 ** -0.5, causal: false },
    expectation,
    differences: false,
  },
  {
    name: 'EVA-CLIP',
    inputs: qkv([1, 16, 257, 88], [1, 16, 257, 88]),
    attrs: { scale: 88 ** -0.5, causal: false },
    expectation,
    benchOnly: true,
  },
  {
    name: 'causal transformer, cross',
    inputs: qkv([1, 12, 32, 64], [1, 12, 257, 64]),
    attrs: { scale: 1, causal: false },
    expectation,
    benchOnly: true,
  },
  {
    name: 'LLaMA prefill',
    inputs: qkv([1, 40, 128, 128], [1, 40, 128, 128]),
    attrs: { scale: 128 ** -0.5, causal: true },
    expectation,
    benchOnly: true,
  },
];

/** The backward pass of a case, with the logsumexp that its operands have. */
export function backwardOf({ inputs, attrs, given, ...rest }: OpCase): OpCase {
  const { q, v } = inputs;
  const out = { dtype: q.dtype, shape: [...q.shape.slice(0, -1), ...v.shape.slice(-1)] };
  const logsumexp = f32(...q.shape.slice(0, -1), 1);
  const types = { dout: out, ...inputs, out, logsumexp };
  if (rest.benchOnly) return { ...rest, inputs: types, attrs };
  const drawn = Object.entries(inputs).map(([name, { dtype, shape }], i) => {
    const numbers = tensor('f32', shape, random(2, i).normal(sizeOf(shape)));
    return [name, given?.[name] ?? convert(numbers, dtype)] as const;
  });
  const operands = Object.fromEntries(drawn);
  const symbols = Object.fromEntries(Object.entries(inputs).map(([name, type]) => [name, input(name, type)]));
  const forward = sdpaOp(symbols as Parameters<typeof sdpaOp>[0], attrs as AttentionAttrs);
  const found = interpret(graphOf({ logsumexp: forward.logsumexp }), operands);
  return { ...rest, inputs: types, attrs, given: { ...operands, ...found } };
}

/** Whose cotangent arrives as well. */
export const withLogsumexp = (testCase: OpCase): OpCase => ({
  ...testCase,
  inputs: { ...testCase.inputs, dlogsumexp: testCase.inputs.logsumexp },
});

export const vjpCases: readonly OpCase[] = [
  backwardOf(hidden),
  backwardOf({
    name: 'small',
    inputs: qkv([1, 2, 3, 2], [1, 2, 4, 2]),
    attrs: { scale: 0.5, causal: false },
    expectation,
  }),
  withLogsumexp(
    backwardOf({
      name: 'bias, causal and a cotangent of logsumexp',
      inputs: { ...qkv([1, 2, 3, 2], [1, 2, 3, 2]), bias: f32(2, 3, 3) },
      attrs: { scale: 0.5, causal: true },
      expectation,
    }),
  ),
  backwardOf({
    name: 'EVA-CLIP',
    inputs: qkv([1, 16, 257, 88], [1, 16, 257, 88]),
    attrs: { scale: 88 ** -0.5, causal: false },
    benchOnly: true,
  }),
];
