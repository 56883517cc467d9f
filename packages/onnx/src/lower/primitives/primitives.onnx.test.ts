import { type DType, type HostTensor, sizeOf, tensor } from '@emu-ts/base';
import {
  type AnyOp,
  input,
  type PrimitiveName,
  primitives,
  type TensorType,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import type { Expectation } from '@emu-ts/testing';
import { cotangentsOf, expectEqual, randomInputs } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create } from '../../../test/kit.js';
import type { OnnxExecutor } from '../../index.js';

/** Every primitive equals the f64 interpreter, forward and backward, at odd sizes. */
interface Case {
  readonly inputs?: Readonly<Record<string, TensorType>>;
  readonly attrs?: Readonly<Record<string, unknown>>;
  readonly given?: Readonly<Record<string, HostTensor>>;
  /** Applied to random inputs: positive numbers for a logarithm. */
  readonly map?: (x: number) => number;
  readonly expectation?: Expectation;
}

const f32 = (...shape: number[]) => tensorType('f32', shape);
const i32 = (...shape: number[]) => tensorType('i32', shape);
const bool = (...shape: number[]) => tensorType('bool', shape);
const numbers = (dtype: DType, shape: number[], next: (i: number) => number) =>
  tensor(
    dtype,
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => next(i)),
  );
const bits = (...shape: number[]) => numbers('bool', shape, (i) => ((i * 7) % 3) & 1);

const unary = (map?: (x: number) => number): Case[] => [
  { inputs: { x: f32(3, 5) }, ...(map ? { map } : {}) },
  { inputs: { x: f32() }, ...(map ? { map } : {}) },
];
const positive = (x: number) => Math.abs(x) + 0.25;
const pairs = [
  [f32(3, 1, 5), f32(7, 1)],
  [f32(5), f32()],
  [f32(2, 3), f32(2, 3)],
] as const;
const binary: Case[] = [
  ...pairs.map(([a, b]) => ({ inputs: { a, b } })),
  {
    inputs: { a: i32(3, 5), b: i32(5) },
    given: {
      a: numbers('i32', [3, 5], (i) => i * 13 - 90),
      b: numbers('i32', [5], (i) => (i - 2) * 2 + 1),
    },
  },
];
const logical: Case[] = [
  { inputs: { a: bool(3, 5), b: bool(5) }, given: { a: bits(3, 5), b: numbers('bool', [5], (i) => i & 1) } },
];
const comparison: Case[] = [
  ...binary,
  {
    inputs: { a: f32(4), b: f32(4) },
    given: { a: tensor('f32', [4], [1, 2, 3, 4]), b: tensor('f32', [4], [1, 3, 3, 0]) },
  },
];
const casts: [DType, DType][] = [
  ['f32', 'i32'],
  ['i32', 'f32'],
  ['f32', 'bool'],
  ['bool', 'f32'],
  ['f32', 'f16'],
  ['f16', 'f32'],
  ['f32', 'bf16'],
  ['bf16', 'f32'],
  ['f32', 'f64'],
  ['u8', 'f32'],
  ['f32', 'u8'],
  ['i8', 'i32'],
  ['i32', 'i64'],
];
const reductions: Case[] = [[0], [2], [0, 2], [1], [0, 1, 2]].map((axes) => ({
  inputs: { x: f32(3, 5, 7) },
  attrs: { axes },
  expectation: { terms: 105 },
}));
const conv = (x: number[], weight: number[], strides: number[], padding: number[]) => ({
  x,
  weight,
  strides,
  padding,
  y: [
    x[0],
    weight[0],
    Math.floor((x[2] + padding[0] + padding[2] - weight[2]) / strides[0]) + 1,
    Math.floor((x[3] + padding[1] + padding[3] - weight[3]) / strides[1]) + 1,
  ],
});
const convolutions = [
  conv([2, 3, 7, 5], [4, 3, 3, 3], [1, 1], [1, 1, 1, 1]),
  conv([1, 3, 9, 8], [5, 3, 3, 2], [2, 3], [1, 0, 0, 2]),
  conv([2, 3, 15, 15], [5, 3, 5, 5], [5, 5], [0, 0, 0, 0]),
  conv([1, 2, 11, 11], [3, 2, 5, 5], [3, 3], [0, 0, 0, 0]),
  conv([2, 7, 4, 4], [3, 7, 1, 1], [1, 1], [0, 0, 0, 0]),
];
const indices = numbers('i32', [2, 3], (i) => [4, 0, 2, 2, 4, 2][i]);

const cases = {
  input: [],
  constant: [
    { attrs: { tensor: numbers('f32', [3, 5], (i) => i / 7) } },
    { attrs: { tensor: numbers('f32', [40, 30], Math.sin) } },
    { attrs: { tensor: numbers('bf16', [3], (i) => i + 0.5) } },
    { attrs: { tensor: bits(5) } },
  ],
  full: [
    { attrs: { shape: [3, 5], dtype: 'f32', value: 0.1 } },
    { attrs: { shape: [], dtype: 'i32', value: -7 } },
    { attrs: { shape: [2], dtype: 'bool', value: 1 } },
  ],
  iota: [
    { attrs: { shape: [3, 5, 2], dtype: 'i32', axis: 1 } },
    { attrs: { shape: [7], dtype: 'f32', axis: 0 } },
  ],
  neg: unary(),
  exp: unary(),
  log: unary(positive),
  sqrt: unary(positive),
  rsqrt: unary(positive),
  sin: unary(),
  cos: unary(),
  tanh: unary(),
  erf: unary(),
  add: binary,
  sub: binary,
  mul: binary,
  div: binary,
  max: binary,
  min: binary,
  less: binary,
  equal: comparison,
  and: logical,
  where: [
    { inputs: { condition: bool(3, 1), a: f32(3, 5), b: f32() }, given: { condition: bits(3, 1) } },
    { inputs: { condition: bool(5), a: i32(3, 1), b: i32(5) }, given: { condition: bits(5) } },
    {
      inputs: { condition: bool(5), a: bool(5), b: bool(5) },
      given: { condition: bits(5), a: bits(5), b: numbers('bool', [5], (i) => i & 1) },
    },
  ],
  cast: casts.map(([from, to]) => ({
    inputs: { x: tensorType(from, [5]) },
    attrs: { dtype: to },
    given: {
      x: numbers(from, [5], (i) =>
        from === 'bool' ? i & 1 : from[0] === 'u' || to === 'u8' ? i * 3.25 : i * 1.25 - 2,
      ),
    },
  })),
  sum: [
    ...reductions,
    { inputs: { x: i32(3, 4) }, attrs: { axes: [1] } },
    { inputs: { x: f32(3) }, attrs: { axes: [] } },
  ],
  max_reduce: reductions,
  argmax: [
    { inputs: { x: f32(3, 5, 7) }, attrs: { axis: 1 } },
    { inputs: { x: f32(5) }, attrs: { axis: 0 }, given: { x: tensor('f32', [5], [1, 3, 2, 3, 0]) } },
  ],
  reshape: [
    { inputs: { x: f32(3, 4) }, attrs: { shape: [2, 6, 1] } },
    { inputs: { x: f32(1, 1) }, attrs: { shape: [] } },
    { inputs: { x: f32(0, 4) }, attrs: { shape: [2, 0] } },
  ],
  transpose: [{ inputs: { x: f32(3, 5, 2) }, attrs: { permutation: [2, 0, 1] } }],
  broadcast: [
    { inputs: { x: f32(3, 1) }, attrs: { shape: [2, 3, 5] } },
    { inputs: { x: f32() }, attrs: { shape: [4] } },
    { inputs: { x: bool(1) }, attrs: { shape: [4] }, given: { x: tensor('bool', [1], [1]) } },
  ],
  slice: [
    { inputs: { x: f32(7, 5) }, attrs: { starts: [1, 0], ends: [6, 5], steps: [2, 1] } },
    { inputs: { x: f32(7, 5) }, attrs: { starts: [0, 0], ends: [7, 5], steps: [1, 1] } },
    { inputs: { x: f32(7, 5) }, attrs: { starts: [3, 2], ends: [3, 4], steps: [1, 1] } },
  ],
  pad: [
    { inputs: { x: f32(3, 4) }, attrs: { low: [1, 0], high: [0, 2], interior: [0, 0] } },
    { inputs: { x: f32(3, 4) }, attrs: { low: [1, 2], high: [0, 3], interior: [2, 1] } },
    { inputs: { x: f32(3) }, attrs: { low: [0], high: [0], interior: [3] } },
    { inputs: { x: i32(2) }, attrs: { low: [1], high: [1], interior: [0] } },
    {
      inputs: { x: bool(2) },
      attrs: { low: [1], high: [1], interior: [1] },
      given: { x: tensor('bool', [2], [1, 1]) },
    },
  ],
  concat: [
    { inputs: { x0: f32(3, 2), x1: f32(3, 5), x2: f32(3, 1) }, attrs: { axis: 1 } },
    { inputs: { x0: i32(1), x1: i32(2) }, attrs: { axis: 0 } },
  ],
  gather: [
    { inputs: { x: f32(5, 3), indices: i32(2, 3) }, attrs: { axis: 0 }, given: { indices } },
    { inputs: { x: f32(2, 5, 3), indices: i32(2, 3) }, attrs: { axis: 1 }, given: { indices } },
    {
      inputs: { x: f32(3, 5), indices: i32() },
      attrs: { axis: 1 },
      given: { indices: tensor('i32', [], [4]) },
    },
  ],
  scatter_add: [
    {
      inputs: { x: f32(5, 3), indices: i32(2, 3), updates: f32(2, 3, 3) },
      attrs: { axis: 0 },
      given: { indices },
    },
    {
      inputs: { x: f32(2, 5), indices: i32(2, 3), updates: f32(2, 2, 3) },
      attrs: { axis: 1 },
      given: { indices },
    },
    {
      // Many equal indices: an operator that adds in parallel loses some.
      inputs: { x: f32(700, 65), indices: i32(999), updates: f32(999, 65) },
      attrs: { axis: 0 },
      given: { indices: numbers('i32', [999], (i) => 690 + (i % 3)) },
      expectation: { terms: 333 },
    },
    {
      inputs: { x: f32(2, 300, 3), indices: i32(2, 2), updates: f32(2, 2, 2, 3) },
      attrs: { axis: 1 },
      given: { indices: numbers('i32', [2, 2], (i) => [299, 7, 7, 0][i]) },
    },
    {
      inputs: { x: i32(300), indices: i32(4), updates: i32(4) },
      attrs: { axis: 0 },
      given: { indices: numbers('i32', [4], (i) => i >> 1) },
    },
    {
      inputs: { x: f32(5, 3), indices: i32(), updates: f32(3) },
      attrs: { axis: 0 },
      given: { indices: tensor('i32', [], [3]) },
    },
  ],
  dynamic_slice: [
    {
      inputs: { x: f32(2, 7, 3), start: i32() },
      attrs: { axis: 1, length: 3 },
      given: { start: tensor('i32', [], [4]) },
    },
    {
      inputs: { x: f32(7), start: i32() },
      attrs: { axis: 0, length: 1 },
      given: { start: tensor('i32', [], [0]) },
    },
  ],
  update_slice: [
    {
      inputs: { x: f32(2, 3, 7, 5), update: f32(2, 3, 2, 5), start: i32() },
      attrs: { axis: 2 },
      given: { start: tensor('i32', [], [5]) },
    },
    {
      inputs: { x: f32(7, 5), update: f32(3, 5), start: i32() },
      attrs: { axis: 0 },
      given: { start: tensor('i32', [], [1]) },
    },
    {
      inputs: { x: f32(3, 7), update: f32(3, 1), start: i32() },
      attrs: { axis: 1 },
      given: { start: tensor('i32', [], [6]) },
    },
    {
      inputs: { x: tensorType('f16', [3, 7]), update: tensorType('f16', [3, 1]), start: i32() },
      attrs: { axis: 1 },
      given: { start: tensor('i32', [], [6]) },
    },
  ],
  matmul: [
    { inputs: { a: f32(3, 5), b: f32(5, 7) }, expectation: { terms: 7 } },
    { inputs: { a: f32(2, 1, 3, 5), b: f32(3, 5, 7) }, expectation: { terms: 14 } },
    { inputs: { a: f32(2, 3, 5), b: f32(5, 7) }, expectation: { terms: 7 } },
    { inputs: { a: f32(1, 61), b: f32(61, 1) }, expectation: { terms: 61 } },
  ],
  conv2d: convolutions.map(({ x, weight, strides, padding }) => ({
    inputs: { x: f32(...x), weight: f32(...weight) },
    attrs: { strides, padding },
    expectation: { terms: 225 },
  })),
  conv2d_input_grad: convolutions.map(({ x, weight, strides, padding, y }) => ({
    inputs: { dy: f32(...y), weight: f32(...weight) },
    attrs: { strides, padding, size: x.slice(2) },
    expectation: { terms: 225 },
  })),
  conv2d_weight_grad: convolutions.map(({ x, weight, strides, padding, y }) => ({
    inputs: { x: f32(...x), dy: f32(...y) },
    attrs: { strides, padding, kernel: weight.slice(2) },
    expectation: { terms: 225 },
  })),
} satisfies Record<PrimitiveName, readonly Case[]>;

let executor: OnnxExecutor;
beforeAll(async () => {
  executor = await create();
});
afterAll(() => executor.dispose());

// An input has nothing to compute: see below.
const computed = Object.entries(cases as Record<PrimitiveName, readonly Case[]>).filter(
  ([, list]) => list.length,
);

describe.each(computed)('%s', (name, list) => {
  const op = primitives[name as PrimitiveName] as AnyOp;

  it.each(list.map((c, i) => [describeCase(c), c, i] as const))('%s', async (_, testCase, seed) => {
    const { inputs: types = {}, attrs = {}, given = {}, map, expectation = {} } = testCase;
    const symbols = Object.fromEntries(Object.entries(types).map(([key, type]) => [key, input(key, type)]));
    const outputs = op(symbols, attrs) as Record<string, Value>;
    const tensors = randomInputs(types, given, seed + 1);
    if (map)
      for (const t of Object.values(tensors))
        (t.data as Float32Array).set(Array.from(t.data as Float32Array, map));
    await expectEqual(executor, name, outputs, tensors, expectation);
    if (op.vjp === 'none') return;
    const { gradients, seeds } = cotangentsOf(symbols, outputs);
    if (!Object.keys(gradients).length) return;
    const all = { ...tensors, ...randomInputs(seeds, {}, seed + 9) };
    await expectEqual(executor, name, gradients, all, { terms: 64, ...expectation });
  });
});

it('passes an input through as it is', async () => {
  const x = input('x', f32(3));
  const tensors = randomInputs({ x });
  await expectEqual(executor, 'input', { x, again: x }, tensors);
});

it('covers the closed set', () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(primitives).sort());
});

function describeCase({ inputs = {}, attrs = {} }: Case): string {
  const types = Object.entries(inputs).map(([name, { dtype, shape }]) => `${name} ${dtype}[${shape}]`);
  const settings = Object.entries(attrs).map(
    ([name, value]) => `${name} ${name === 'tensor' ? '' : JSON.stringify(value)}`,
  );
  return [...types, ...settings].join(', ') || 'no operands';
}
