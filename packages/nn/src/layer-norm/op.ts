import {
  add,
  cast,
  defineOp,
  div,
  last,
  mean,
  mul,
  rsqrt,
  sub,
  sum,
  type Value,
  zerosLike,
} from '@emu-ts/graph';
import { accumulator, expectChannels, expectFloat, keepLast, leadingAxes } from '../checks.js';

/**
 * y = (x − mean) · rstd · weight + bias over the last axis, rstd = 1/√(variance + eps), variance without Bessel's
 * correction (Ba et al., "Layer Normalization", 2016). x [… d]; weight and bias [d]; mean and rstd [… 1].
 */
export const layerNormOp = defineOp({
  name: 'nn.layer_norm',
  inputs: ['x', 'weight', 'bias'],
  outputs: ['y', 'mean', 'rstd'],
  infer({ x, weight, bias }, _: { eps: number }) {
    expectFloat('nn.layer_norm', 'x', x);
    expectChannels('nn.layer_norm', 'weight', weight, last(x));
    expectChannels('nn.layer_norm', 'bias', bias, last(x));
    const statistic = { shape: keepLast(x), dtype: accumulator(x.dtype) };
    return { y: { shape: x.shape, dtype: x.dtype }, mean: statistic, rstd: statistic };
  },
  decompose({ x, weight, bias }, { eps }) {
    const wide = cast(x, accumulator(x.dtype));
    const centre = mean(wide, -1, true);
    const centred = sub(wide, centre);
    const rstd = rsqrt(add(mean(mul(centred, centred), -1, true), eps));
    const y = add(mul(mul(centred, rstd), cast(weight, wide.dtype)), cast(bias, wide.dtype));
    return { y: cast(y, x.dtype), mean: centre, rstd };
  },
  vjp({ inputs: { x, weight, bias }, outputs: { mean, rstd }, cotangents }) {
    const dy = cotangents.y ?? zerosLike(x);
    const { dx, dweight, dbias } = layerNormVjpOp({ dy, x, weight, mean, rstd }, {});
    const extra = throughStatistics(x, mean, rstd, cotangents.mean, cotangents.rstd);
    return { x: extra ? add(dx, extra) : dx, weight: dweight, bias: cast(dbias, bias.dtype) };
  },
});

/**
 * With x̂ = (x − mean) · rstd and g = dy · weight: dx = rstd · (g − mean(g) − x̂ · mean(g · x̂)); dweight and dbias
 * are the sums of dy · x̂ and dy over all rows.
 */
export const layerNormVjpOp = defineOp({
  name: 'nn.layer_norm_vjp',
  inputs: ['dy', 'x', 'weight', 'mean', 'rstd'],
  outputs: ['dx', 'dweight', 'dbias'],
  infer: ({ x, weight }, _: Record<string, never>) => ({ dx: x, dweight: weight, dbias: weight }),
  decompose({ dy, x, weight, mean: centre, rstd }) {
    const wide = accumulator(x.dtype);
    const normal = mul(sub(cast(x, wide), centre), rstd);
    const cotangent = cast(dy, wide);
    const g = mul(cotangent, cast(weight, wide));
    const projected = mul(normal, mean(mul(g, normal), -1, true));
    const dx = mul(rstd, sub(sub(g, mean(g, -1, true)), projected));
    const rows = leadingAxes(x);
    return {
      dx: cast(dx, x.dtype),
      dweight: cast(sum(mul(cotangent, normal), rows), weight.dtype),
      dbias: cast(sum(cotangent, rows), weight.dtype),
    };
  },
});

/** ∂mean/∂x = 1/d and ∂rstd/∂x = −rstd³ (x − mean)/d: what reaches x when something else reads the statistics. */
function throughStatistics(
  x: Value,
  mean: Value,
  rstd: Value,
  dmean: Value | undefined,
  drstd: Value | undefined,
): Value | undefined {
  if (!dmean && !drstd) return undefined;
  const centred = sub(cast(x, mean.dtype), mean);
  const parts = [
    dmean ?? zerosLike(mean),
    drstd ? mul(centred, mul(drstd, mul(-1, mul(rstd, mul(rstd, rstd))))) : zerosLike(centred),
  ] as const;
  return cast(div(add(...parts), last(x)), x.dtype);
}
