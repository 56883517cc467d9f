import { add, defineOp, erf, mul, type Value } from '@emu-ts/graph';
import { expectFloat } from '../checks.js';

/** x · Φ(x) with the exact normal distribution function (Hendrycks and Gimpel, 2016). */
export const geluOp = defineOp({
  name: 'nn.gelu',
  inputs: ['x'],
  outputs: ['y'],
  infer({ x }, _: Record<string, never>) {
    expectFloat('nn.gelu', 'x', x);
    return { y: { shape: x.shape, dtype: x.dtype } };
  },
  decompose: ({ x }) => ({ y: mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1)) }),
});

export const gelu = (x: Value): Value => geluOp({ x }, {}).y;
