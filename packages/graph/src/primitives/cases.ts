import { tensor } from '@emu-ts/base';
import type { OpCase } from '@emu-ts/testing';
import { tensorType } from '../value.js';
import type { PrimitiveName } from './index.js';

/** Shapes at which every primitive is checked, here and on every executor. */
const f32 = (...shape: number[]) => tensorType('f32', shape);
const i32 = (...shape: number[]) => tensorType('i32', shape);
const bool = (...shape: number[]) => tensorType('bool', shape);
const index = (shape: number[], values: number[]) => tensor('i32', shape, values);
const truth = (shape: number[], values: number[]) => tensor('bool', shape, values);
const positive = tensor('f64', [2, 3], [0.2, 0.7, 1.1, 1.9, 2.5, 0.4]);
const geometry = { strides: [2, 1], padding: [1, 0, 2, 1] };

const one = (
  name: string,
  inputs: OpCase['inputs'],
  attrs: OpCase['attrs'] = {},
  given: OpCase['given'] = {},
): OpCase[] => [{ name, inputs, attrs, given }];
const unary = one('matrix', { x: f32(2, 3) });
const unaryPositive = one('positive matrix', { x: f32(2, 3) }, {}, { x: positive });
const binary: OpCase[] = [
  ...one('equal shapes', { a: f32(2, 3), b: f32(2, 3) }),
  ...one('both broadcast', { a: f32(4, 1, 3), b: f32(2, 1) }),
  ...one('scalar', { a: f32(), b: f32(2, 2) }),
];
const comparison = one('broadcast', { a: f32(2, 3), b: f32(3) });

export const cases: Record<PrimitiveName, { cases: OpCase[]; gradient?: boolean; wrt?: string[] }> = {
  input: { cases: [] },
  constant: { cases: [] },
  full: { cases: [] },
  iota: { cases: [] },
  neg: { cases: unary },
  exp: { cases: unary },
  log: { cases: unaryPositive },
  sqrt: { cases: unaryPositive },
  rsqrt: { cases: unaryPositive },
  sin: { cases: unary },
  cos: { cases: unary },
  tanh: { cases: unary },
  erf: {
    cases: [
      ...unary,
      ...one('tails', { x: f32(6) }, {}, { x: tensor('f64', [6], [-3.1, -2.4, -0.1, 0.9, 2.6, 4]) }),
    ],
  },
  add: { cases: binary },
  sub: { cases: binary },
  mul: { cases: binary },
  div: { cases: one('away from zero', { a: f32(2, 3), b: f32(2, 3) }, {}, { b: positive }) },
  max: { cases: binary },
  min: { cases: binary },
  less: { cases: comparison, gradient: false },
  equal: { cases: comparison, gradient: false },
  and: { cases: one('broadcast', { a: bool(2, 2), b: bool(2) }), gradient: false },
  where: {
    cases: one(
      'broadcast',
      { condition: bool(2, 1), a: f32(2, 3), b: f32(3) },
      {},
      { condition: truth([2, 1], [1, 0]) },
    ),
  },
  cast: { cases: one('float to float', { x: f32(3) }, { dtype: 'f32' }) },
  sum: { cases: one('two axes', { x: f32(2, 3, 4) }, { axes: [0, 2] }) },
  max_reduce: { cases: one('last axis', { x: f32(3, 4) }, { axes: [1] }) },
  argmax: { cases: one('first axis', { x: f32(3, 4) }, { axis: 0 }), gradient: false },
  reshape: { cases: one('matrix to vector', { x: f32(2, 3) }, { shape: [6] }) },
  transpose: { cases: one('three axes', { x: f32(2, 3, 4) }, { permutation: [2, 0, 1] }) },
  broadcast: { cases: one('new and stretched axes', { x: f32(3, 1) }, { shape: [2, 3, 4] }) },
  slice: {
    cases: [
      ...one('strided', { x: f32(7, 3) }, { starts: [1, 0], ends: [6, 3], steps: [2, 2] }),
      ...one('empty', { x: f32(4) }, { starts: [2], ends: [2], steps: [1] }),
    ],
  },
  pad: { cases: one('interior', { x: f32(2, 3) }, { low: [1, 0], high: [0, 2], interior: [1, 0] }) },
  concat: { cases: one('three parts', { x0: f32(2, 1), x1: f32(2, 3), x2: f32(2, 2) }, { axis: 1 }) },
  gather: {
    cases: one(
      'repeated rows',
      { x: f32(2, 4, 3), indices: i32(2, 2) },
      { axis: 1 },
      { indices: index([2, 2], [3, 0, 0, 1]) },
    ),
  },
  scatter_add: {
    cases: one(
      'equal indices add up',
      { x: f32(4, 2), indices: i32(3), updates: f32(3, 2) },
      { axis: 0 },
      { indices: index([3], [1, 3, 1]) },
    ),
  },
  dynamic_slice: {
    cases: one('middle', { x: f32(2, 5), start: i32() }, { axis: 1, length: 2 }, { start: index([], [2]) }),
  },
  update_slice: {
    cases: one(
      'middle',
      { x: f32(5, 2), update: f32(2, 2), start: i32() },
      { axis: 0 },
      { start: index([], [3]) },
    ),
  },
  matmul: {
    cases: [
      ...one('matrices', { a: f32(2, 3), b: f32(3, 4) }),
      ...one('batch broadcasts', { a: f32(2, 1, 2, 3), b: f32(3, 3, 2) }),
    ],
  },
  conv2d: {
    cases: one('stride and uneven padding', { x: f32(2, 3, 5, 4), weight: f32(2, 3, 3, 2) }, geometry),
  },
  conv2d_input_grad: {
    cases: one('stride', { dy: f32(2, 2, 3, 4), weight: f32(2, 3, 3, 2) }, { ...geometry, size: [5, 4] }),
  },
  conv2d_weight_grad: {
    cases: one('stride', { x: f32(2, 3, 5, 4), dy: f32(2, 2, 3, 4) }, { ...geometry, kernel: [3, 2] }),
  },
};
