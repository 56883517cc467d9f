import { add, defineOp, erf, exp, mul, sub, type Value } from '@emu-ts/graph';
import { expectFloat } from '../checks.js';

/**
 * x · Φ(x) with the exact normal distribution function (Hendrycks and Gimpel, 2016). The derivative is Φ(x) + x · φ(x) with
 * the density φ; Φ is written as in the forward pass, so that both share it.
 */
export const geluOp = defineOp({
  name: 'nn.gelu',
  inputs: ['x'],
  outputs: ['y'],
  infer({ x }, _: Record<string, never>) {
    expectFloat('nn.gelu', 'x', x);
    return { y: { shape: x.shape, dtype: x.dtype } };
  },
  decompose: ({ x }) => ({ y: mul(x, normalShare(scaled(x))) }),
  vjp({ inputs: { x }, cotangents: { y: dy } }) {
    if (!dy) return {};
    const z = scaled(x);
    const density = exp(sub(logPeak, mul(z, z)));
    return { x: mul(dy, add(normalShare(z), mul(x, density))) };
  },
});

/** x/√2: the error function's argument, whose square is the density's exponent. */
const scaled = (x: Value): Value => mul(x, Math.SQRT1_2);

/** Φ(x) */
const normalShare = (z: Value): Value => mul(add(erf(z), 1), 0.5);

/** ln φ(0): inside the exponential it takes no pass of its own. */
const logPeak = -0.5 * Math.log(2 * Math.PI);

export const gelu = (x: Value): Value => geluOp({ x }, {}).y;
