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
import { cotangentsOf } from '@emu-ts/testing/cotangents';
import { cases as shared } from '../../graph/src/primitives/cases.js';
import { suites } from '../../nn/src/suites.js';

/** The case that WebGL, which knows no such number, is spared. */
export const NOT_A_NUMBER = 'not a number';

/** One primitive at one set of shapes. */
export interface Case {
  readonly name: string;
  readonly inputs?: Readonly<Record<string, TensorType>>;
  readonly attrs?: Readonly<Record<string, unknown>>;
  readonly given?: Readonly<Record<string, HostTensor>>;
  readonly expectation?: Expectation | undefined;
  /** Set to false where gradients are not compared. */
  readonly gradient?: boolean | undefined;
}

const f32 = (...shape: number[]) => tensorType('f32', shape);
const i32 = (...shape: number[]) => tensorType('i32', shape);
const numbers = (dtype: DType, shape: number[], next: (i: number) => number) =>
  tensor(
    dtype,
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => next(i)),
  );

const integers: Case = {
  name: 'integers',
  inputs: { a: i32(3, 5), b: i32(5) },
  given: {
    a: numbers('i32', [3, 5], (i) => i * 1300 - 9000),
    b: numbers('i32', [5], (i) => (i - 2) * 2 + 1),
  },
};
const specialCase = (name: string, values: number[], gradient = false): Case => ({
  name,
  inputs: { x: f32(values.length) },
  given: { x: tensor('f32', [values.length], values) },
  gradient,
});
const exotic = [
  specialCase('zeros and infinities', [0, -0, 1e-30, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]),
  specialCase(NOT_A_NUMBER, [Number.NaN, 1]),
];
const angles = specialCase('far from zero', [-3000.5, -100, -7.9, 3.2, 1000, 12345.678], true);
const conv = { strides: [3, 2], padding: [0, 2, 1, 0] };

const extra: Partial<Record<PrimitiveName, Case[]>> = {
  constant: [{ name: 'matrix', attrs: { tensor: numbers('f32', [2, 3], (i) => i / 3) } }],
  full: [
    { name: 'scalar', attrs: { shape: [], dtype: 'f32', value: -1e-7 } },
    { name: 'matrix', attrs: { shape: [3, 5], dtype: 'f32', value: Number.NEGATIVE_INFINITY } },
    { name: 'integers', attrs: { shape: [7], dtype: 'i32', value: -(2 ** 24) } },
    { name: 'empty', attrs: { shape: [0, 3], dtype: 'f32', value: 1 } },
  ],
  iota: [
    { name: 'middle axis', attrs: { shape: [2, 3, 5], dtype: 'i32', axis: 1 } },
    { name: 'floats', attrs: { shape: [9], dtype: 'f32', axis: 0 } },
  ],
  neg: [...exotic],
  exp: [...exotic, { name: 'scalar', inputs: { x: f32() } }],
  sin: [angles],
  cos: [angles],
  tanh: [...exotic, specialCase('far from zero', [-100, -15, -9, 9, 15, 100])],
  erf: [
    ...exotic,
    {
      name: 'sweep',
      inputs: { x: f32(1001) },
      given: { x: numbers('f32', [1001], (i) => (i - 500) / 100) },
    },
    {
      name: 'near zero',
      inputs: { x: f32(64) },
      given: { x: numbers('f32', [64], (i) => (i - 32) * 1e-8) },
    },
  ],
  add: [integers, { name: 'four patterns', inputs: { a: f32(2, 1, 3, 1, 5), b: f32(7, 3, 4, 1) } }],
  mul: [integers],
  div: [integers],
  max: [integers],
  less: [integers],
  equal: [integers],
  cast: [
    {
      name: 'towards zero',
      inputs: { x: f32(5) },
      attrs: { dtype: 'i32' },
      given: { x: tensor('f32', [5], [-2.7, -0.4, 0.4, 2.7, 3]) },
    },
    {
      name: 'to bool',
      inputs: { x: f32(3) },
      attrs: { dtype: 'bool' },
      given: { x: tensor('f32', [3], [0, 0.5, -2]) },
    },
    { name: 'integer to float', inputs: { x: i32(4) }, attrs: { dtype: 'f32' } },
  ],
  sum: [
    {
      name: 'all',
      inputs: { x: f32(5, 7, 11) },
      attrs: { axes: [0, 1, 2] },
      expectation: { terms: 385, magnitude: 1 },
    },
    {
      name: 'long',
      inputs: { x: f32(10_007) },
      attrs: { axes: [0] },
      expectation: { terms: 10_007, magnitude: 1 },
    },
    { name: 'nothing', inputs: { x: f32(3, 0) }, attrs: { axes: [1] } },
    { name: 'no axes', inputs: { x: f32(3, 2) }, attrs: { axes: [] } },
    {
      name: 'outer and inner',
      inputs: { x: f32(3, 4, 5, 6) },
      attrs: { axes: [1, 3] },
      expectation: { terms: 24 },
    },
  ],
  max_reduce: [{ name: 'outer and inner', inputs: { x: f32(3, 4, 5) }, attrs: { axes: [0, 2] } }],
  argmax: [
    { name: 'middle', inputs: { x: f32(3, 9, 5) }, attrs: { axis: 1 } },
    {
      name: 'first of equals',
      inputs: { x: f32(6) },
      attrs: { axis: 0 },
      given: { x: tensor('f32', [6], [1, 4, 2, 4, 4, 0]) },
    },
  ],
  transpose: [
    { name: 'six axes', inputs: { x: f32(2, 3, 2, 5, 1, 4) }, attrs: { permutation: [0, 3, 5, 1, 4, 2] } },
  ],
  broadcast: [{ name: 'scalar', inputs: { x: f32() }, attrs: { shape: [3, 7] } }],
  slice: [
    {
      name: 'middle axis',
      inputs: { x: f32(3, 9, 5) },
      attrs: { starts: [0, 2, 0], ends: [3, 9, 5], steps: [1, 3, 1] },
    },
  ],
  pad: [
    {
      name: 'one axis',
      inputs: { x: f32(3, 4, 5) },
      attrs: { low: [0, 2, 0], high: [0, 1, 0], interior: [0, 0, 0] },
    },
    { name: 'of nothing', inputs: { x: f32(0, 2) }, attrs: { low: [1, 0], high: [2, 0], interior: [0, 0] } },
  ],
  concat: [
    {
      name: 'many parts, one empty',
      inputs: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`x${i}`, f32(2, i % 4, 3)])),
      attrs: { axis: 1 },
    },
  ],
  gather: [
    {
      name: 'rows',
      inputs: { x: f32(7, 5), indices: i32(4) },
      attrs: { axis: 0 },
      given: { indices: tensor('i32', [4], [6, 0, 3, 3]) },
    },
  ],
  scatter_add: [
    {
      name: 'middle axis',
      inputs: { x: f32(2, 5, 3), indices: i32(2, 2), updates: f32(2, 2, 2, 3) },
      attrs: { axis: 1 },
      given: { indices: tensor('i32', [2, 2], [4, 0, 0, 0]) },
    },
  ],
  matmul: [
    { name: 'odd sizes', inputs: { a: f32(5, 7), b: f32(7, 3) }, expectation: { terms: 7 } },
    { name: 'batch against none', inputs: { a: f32(2, 3, 5, 8), b: f32(8, 6) }, expectation: { terms: 8 } },
    { name: 'none against batch', inputs: { a: f32(5, 8), b: f32(3, 8, 6) }, expectation: { terms: 8 } },
    { name: 'row', inputs: { a: f32(1, 1, 60), b: f32(60, 10) }, expectation: { terms: 60 } },
  ],
  conv2d: [
    { name: 'stride over', inputs: { x: f32(2, 3, 7, 8), weight: f32(4, 3, 2, 3) }, attrs: conv },
    {
      name: 'pointwise',
      inputs: { x: f32(1, 6, 3, 4), weight: f32(5, 6, 1, 1) },
      attrs: { strides: [1, 1], padding: [0, 0, 0, 0] },
    },
    {
      name: 'patches',
      inputs: { x: f32(2, 3, 10, 15), weight: f32(4, 3, 5, 5) },
      attrs: { strides: [5, 5], padding: [0, 0, 0, 0] },
      expectation: { terms: 75 },
    },
  ],
  conv2d_input_grad: [
    {
      name: 'stride over',
      inputs: { dy: f32(2, 4, 3, 4), weight: f32(4, 3, 2, 3) },
      attrs: { ...conv, size: [7, 8] },
    },
  ],
  conv2d_weight_grad: [
    {
      name: 'stride over',
      inputs: { x: f32(2, 3, 7, 8), dy: f32(2, 4, 3, 4) },
      attrs: { ...conv, kernel: [2, 3] },
    },
  ],
};

/** The primitives and the shared layers, by name: `matmul`, `nn.softmax`. */
const ops: ReadonlyMap<string, AnyOp> = new Map([
  ...(Object.entries(primitives) as [string, AnyOp][]).filter(([name]) => name !== 'input'),
  ...suites.map(([op]) => [op.name, op] as const),
]);
export const opNames: readonly string[] = [...ops.keys()];

const layerCases: ReadonlyMap<string, readonly Case[]> = new Map(
  suites.map(([op, cases]) => [
    op.name,
    cases.filter(({ benchOnly }) => !benchOnly).map((c) => ({ ...c, gradient: false })),
  ]),
);

/** The cases of a layer, or of a primitive: the shared ones and those above. */
export const casesOf = (name: string): readonly Case[] =>
  layerCases.get(name) ?? primitiveCases(name as PrimitiveName);

const primitiveCases = (name: PrimitiveName): readonly Case[] => [
  ...shared[name].cases.map((c) => ({ ...c, gradient: shared[name].gradient })),
  ...(extra[name] ?? []).map((c) => ({ gradient: shared[name].gradient, ...c })),
];

/** Names what is to be computed, so that a page can build the same graph. */
export interface CaseRequest {
  readonly op: string;
  readonly name: string;
  readonly gradient: boolean;
}

/** The outputs of a case, or the gradients of its float inputs for cotangents `seeds`, which are inputs too. */
export function valuesOf({ op, name, gradient }: CaseRequest): {
  outputs: Record<string, Value>;
  seeds: Record<string, Value>;
} {
  const { inputs = {}, attrs = {} } = casesOf(op).find((c) => c.name === name) as Case;
  const values = Object.fromEntries(Object.entries(inputs).map(([n, type]) => [n, input(n, type)]));
  const outputs = (ops.get(op) as AnyOp)(values, attrs) as Record<string, Value>;
  if (!gradient) return { outputs, seeds: {} };
  const { gradients, seeds } = cotangentsOf(values, outputs);
  return { outputs: gradients, seeds };
}
