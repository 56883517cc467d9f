import { cast, defineOp, div, exp, maxReduce, mul, sub, sum, type Value } from '@emu-ts/graph';
import { accumulator, expectFloat } from '../checks.js';

/** eˣ / Σ eˣ over the last axis, shifted by the row's maximum so that nothing overflows. */
export const softmaxOp = defineOp({
  name: 'nn.softmax',
  inputs: ['x'],
  outputs: ['y'],
  infer({ x }, _: Record<string, never>) {
    expectFloat('nn.softmax', 'x', x);
    return { y: { shape: x.shape, dtype: x.dtype } };
  },
  decompose({ x }) {
    const wide = cast(x, accumulator(x.dtype));
    const powers = exp(sub(wide, maxReduce(wide, -1, true)));
    return { y: cast(div(powers, sum(powers, -1, true)), x.dtype) };
  },
  vjp: ({ outputs: { y }, cotangents: { y: dy } }) => (dy ? { x: softmaxVjpOp({ dy, y }, {}).dx } : {}),
});

/** dx = y · (dy − Σ dy · y) */
export const softmaxVjpOp = defineOp({
  name: 'nn.softmax_vjp',
  inputs: ['dy', 'y'],
  outputs: ['dx'],
  infer: ({ y }, _: Record<string, never>) => ({ dx: { shape: y.shape, dtype: y.dtype } }),
  decompose({ dy, y }) {
    const wide = accumulator(y.dtype);
    const [cotangent, weights] = [cast(dy, wide), cast(y, wide)];
    return { dx: cast(mul(weights, sub(cotangent, sum(mul(cotangent, weights), -1, true))), y.dtype) };
  },
});

export const softmax = (x: Value): Value => softmaxOp({ x }, {}).y;
