import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const f32 = (...shape: number[]) => tensorType('f32', shape);
/** Scores, weights, output, and their cotangents: four products in a row. */
const expectation = { depth: 4 };
const qkv = (q: number[], k: number[], v = k) => ({ q: f32(...q), k: f32(...k), v: f32(...v) });

export const cases: readonly OpCase[] = [
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

const backward = (...[b, h, t, s, d]: number[]) => ({
  dout: f32(b, h, t, d),
  ...qkv([b, h, t, d], [b, h, s, d]),
  out: f32(b, h, t, d),
  logsumexp: f32(b, h, t, 1),
});

export const vjpCases: readonly OpCase[] = [
  { name: 'small', inputs: backward(1, 2, 3, 4, 2), attrs: { scale: 0.5, causal: false }, expectation },
  {
    name: 'bias, causal and a cotangent of logsumexp',
    inputs: { ...backward(1, 2, 3, 3, 2), bias: f32(2, 3, 3), dlogsumexp: f32(1, 2, 3, 1) },
    attrs: { scale: 0.5, causal: true },
    expectation,
  },
  {
    name: 'EVA-CLIP',
    inputs: backward(1, 16, 257, 257, 88),
    attrs: { scale: 88 ** -0.5, causal: false },
    benchOnly: true,
  },
];
