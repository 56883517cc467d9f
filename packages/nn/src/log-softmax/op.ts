import { cast, defineOp, exp, log, maxReduce, mul, sub, sum, type Value } from '@emu-ts/graph';
import { accumulator, expectFloat } from '../checks.js';

/** x − log Σ eˣ over the last axis. dx = dy − softmax(x) · Σ dy. */
export const logSoftmaxOp = defineOp({
  name: 'nn.log_softmax',
  inputs: ['x'],
  outputs: ['y'],
  infer({ x }, _: Record<string, never>) {
    expectFloat('nn.log_softmax', 'x', x);
    return { y: { shape: x.shape, dtype: x.dtype } };
  },
  decompose({ x }) {
    const wide = cast(x, accumulator(x.dtype));
    const shifted = sub(wide, maxReduce(wide, -1, true));
    return { y: cast(sub(shifted, log(sum(exp(shifted), -1, true))), x.dtype) };
  },
  vjp: ({ outputs: { y }, cotangents: { y: dy } }) =>
    dy ? { x: sub(dy, mul(exp(y), sum(dy, -1, true))) } : {},
});

export const logSoftmax = (x: Value): Value => logSoftmaxOp({ x }, {}).y;
