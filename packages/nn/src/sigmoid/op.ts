import { add, defineOp, div, exp, mul, neg, sub, type Value } from '@emu-ts/graph';
import { expectFloat } from '../checks.js';

/** 1 / (1 + e⁻ˣ). The derivative y (1 − y) stays finite where that of the quotient is 0 · ∞. */
export const sigmoidOp = defineOp({
  name: 'nn.sigmoid',
  inputs: ['x'],
  outputs: ['y'],
  infer({ x }, _: Record<string, never>) {
    expectFloat('nn.sigmoid', 'x', x);
    return { y: { shape: x.shape, dtype: x.dtype } };
  },
  decompose: ({ x }) => ({ y: div(1, add(exp(neg(x)), 1)) }),
  vjp: ({ outputs: { y }, cotangents: { y: dy } }) => (dy ? { x: mul(dy, mul(y, sub(1, y))) } : {}),
});

export const sigmoid = (x: Value): Value => sigmoidOp({ x }, {}).y;
