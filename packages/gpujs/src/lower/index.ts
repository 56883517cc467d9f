import { EmuError } from '@emu-ts/base';
import type { PrimitiveName } from '@emu-ts/graph';
import { conv2d, conv2dInputGrad, conv2dWeightGrad } from './conv.js';
import { cast, div, elementwise } from './elementwise.js';
import { dynamicSlice, gather, scatterAdd, updateSlice } from './index-ops.js';
import { broadcast, concat, pad, slice, transpose } from './layout.js';
import type { Lower } from './lower.js';
import { matmul } from './matmul.js';
import { argmax, maxReduce, sum } from './reduce.js';
import { constant, full, iota } from './source.js';

/** Every primitive in JavaScript. What is not spelled out here is the expression for one element. */
export const lowerings = {
  input: ({ attrs }) => {
    throw new EmuError('MISSING_INPUT', `No tensor was given for input '${attrs.name}'.`);
  },
  constant,
  full,
  iota,
  neg: elementwise('-x'),
  exp: elementwise('Math.exp(x)'),
  log: elementwise('Math.log(x)'),
  sqrt: elementwise('Math.sqrt(x)'),
  rsqrt: elementwise('1 / Math.sqrt(x)'),
  sin: elementwise('wave(x, 0)'),
  cos: elementwise('wave(x, 1)'),
  // Shaders may take the quotient of two exponentials, which overflow; beyond 20 the result is ±1.
  tanh: elementwise('Math.tanh(Math.max(-20, Math.min(20, x)))'),
  erf: elementwise('erf(x)'),
  add: elementwise('a + b'),
  sub: elementwise('a - b'),
  mul: elementwise('a * b'),
  div,
  max: elementwise('Math.max(a, b)'),
  min: elementwise('Math.min(a, b)'),
  less: elementwise('a < b ? 1 : 0'),
  equal: elementwise('a === b ? 1 : 0'),
  and: elementwise('a * b === 0 ? 0 : 1'),
  where: elementwise('condition === 0 ? b : a'),
  cast,
  sum,
  max_reduce: maxReduce,
  argmax,
  reshape: ({ inputs }) => ({ alias: inputs.x }),
  transpose,
  broadcast,
  slice,
  pad,
  concat,
  gather,
  scatter_add: scatterAdd,
  dynamic_slice: dynamicSlice,
  update_slice: updateSlice,
  matmul,
  conv2d,
  conv2d_input_grad: conv2dInputGrad,
  conv2d_weight_grad: conv2dWeightGrad,
} satisfies Record<PrimitiveName, Lower>;
