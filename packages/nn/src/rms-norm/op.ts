import { add, cast, defineOp, last, mean, mul, rsqrt, sub, sum, zerosLike } from '@emu-ts/graph';
import { accumulator, expectChannels, expectFloat, keepLast, leadingAxes } from '../checks.js';

/**
 * y = x · rstd · weight over the last axis, rstd = 1/√(mean(x²) + eps) (Zhang and Sennrich, "Root Mean Square Layer
 * Normalization", 2019). x [… d], weight [d], rstd [… 1].
 */
export const rmsNormOp = defineOp({
  name: 'nn.rms_norm',
  inputs: ['x', 'weight'],
  outputs: ['y', 'rstd'],
  infer({ x, weight }, _: { eps: number }) {
    expectFloat('nn.rms_norm', 'x', x);
    expectChannels('nn.rms_norm', 'weight', weight, last(x));
    return {
      y: { shape: x.shape, dtype: x.dtype },
      rstd: { shape: keepLast(x), dtype: accumulator(x.dtype) },
    };
  },
  decompose({ x, weight }, { eps }) {
    const wide = cast(x, accumulator(x.dtype));
    const rstd = rsqrt(add(mean(mul(wide, wide), -1, true), eps));
    return { y: cast(mul(mul(wide, rstd), cast(weight, wide.dtype)), x.dtype), rstd };
  },
  vjp({ inputs: { x, weight }, outputs: { rstd }, cotangents: { y, rstd: drstd } }) {
    const { dx, dweight } = rmsNormVjpOp({ dy: y ?? zerosLike(x), x, weight, rstd }, {});
    if (!drstd) return { x: dx, weight: dweight };
    // ∂rstd/∂x = −rstd³ x/d
    const slope = mul(drstd, mul(-1 / last(x), mul(rstd, mul(rstd, rstd))));
    return { x: add(dx, cast(mul(cast(x, rstd.dtype), slope), x.dtype)), weight: dweight };
  },
});

/** With x̂ = x · rstd and g = dy · weight: dx = rstd · (g − x̂ · mean(g · x̂)), dweight = Σ dy · x̂ over all rows. */
export const rmsNormVjpOp = defineOp({
  name: 'nn.rms_norm_vjp',
  inputs: ['dy', 'x', 'weight', 'rstd'],
  outputs: ['dx', 'dweight'],
  infer: ({ x, weight }, _: Record<string, never>) => ({ dx: x, dweight: weight }),
  decompose({ dy, x, weight, rstd }) {
    const wide = accumulator(x.dtype);
    const normal = mul(cast(x, wide), rstd);
    const cotangent = cast(dy, wide);
    const g = mul(cotangent, cast(weight, wide));
    const dx = mul(rstd, sub(g, mul(normal, mean(mul(g, normal), -1, true))));
    return {
      dx: cast(dx, x.dtype),
      dweight: cast(sum(mul(cotangent, normal), leadingAxes(x)), weight.dtype),
    };
  },
});
