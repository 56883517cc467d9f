import * as conv from './conv.js';
import * as elementwise from './elementwise.js';
import * as indexing from './index-ops.js';
import * as layout from './layout.js';
import { matmulOp } from './matmul.js';
import * as reduce from './reduce.js';
import * as source from './source.js';

/**
 * The closed set: every executor lowers every one of these, and says so with
 * `satisfies Record<PrimitiveName, …>`, so that the compiler names what is missing.
 */
export const primitives = {
  input: source.inputOp,
  constant: source.constantOp,
  full: source.fullOp,
  iota: source.iotaOp,
  neg: elementwise.negOp,
  exp: elementwise.expOp,
  log: elementwise.logOp,
  sqrt: elementwise.sqrtOp,
  rsqrt: elementwise.rsqrtOp,
  sin: elementwise.sinOp,
  cos: elementwise.cosOp,
  tanh: elementwise.tanhOp,
  erf: elementwise.erfOp,
  add: elementwise.addOp,
  sub: elementwise.subOp,
  mul: elementwise.mulOp,
  div: elementwise.divOp,
  max: elementwise.maxOp,
  min: elementwise.minOp,
  less: elementwise.lessOp,
  equal: elementwise.equalOp,
  and: elementwise.andOp,
  where: elementwise.whereOp,
  cast: elementwise.castOp,
  sum: reduce.sumOp,
  max_reduce: reduce.maxReduceOp,
  argmax: reduce.argmaxOp,
  reshape: layout.reshapeOp,
  transpose: layout.transposeOp,
  broadcast: layout.broadcastOp,
  slice: layout.sliceOp,
  pad: layout.padOp,
  concat: layout.concatOp,
  gather: indexing.gatherOp,
  scatter_add: indexing.scatterAddOp,
  dynamic_slice: indexing.dynamicSliceOp,
  update_slice: indexing.updateSliceOp,
  matmul: matmulOp,
  conv2d: conv.conv2dOp,
  conv2d_input_grad: conv.conv2dInputGradOp,
  conv2d_weight_grad: conv.conv2dWeightGradOp,
} as const;

export type Primitives = typeof primitives;
export type PrimitiveName = keyof Primitives;

const names = new Map<unknown, PrimitiveName>(
  Object.entries(primitives).map(([name, op]) => [op, name as PrimitiveName]),
);

/** The primitive's name, or undefined for a composite. */
export const primitiveName = (op: unknown): PrimitiveName | undefined => names.get(op);

export { type ConvGeometry, conv2d } from './conv.js';
export {
  add,
  and,
  cast,
  cos,
  div,
  equal,
  erf,
  exp,
  less,
  log,
  max,
  min,
  mul,
  neg,
  rsqrt,
  sin,
  sqrt,
  sub,
  tanh,
  unbroadcast,
  where,
} from './elementwise.js';
export { dynamicSlice, gather, scatterAdd, updateSlice } from './index-ops.js';
export { broadcast, concat, pad, reshape, slice, split, swapLast, transpose } from './layout.js';
export { matmul } from './matmul.js';
export { argmax, maxReduce, mean, sum } from './reduce.js';
export { constant, full, input, iota, literal, zerosLike } from './source.js';
