import { ShapeError } from '@emu-ts/base';
import {
  add,
  cast,
  defineOp,
  formatType,
  mean,
  mul,
  reshape,
  rsqrt,
  size,
  sub,
  type Value,
} from '@emu-ts/graph';
import { accumulator, expectChannels, expectFloat } from '../checks.js';

/**
 * Layer normalisation over each group of neighbouring channels and all positions (Wu and He, "Group Normalization",
 * 2018), then a scale and shift per channel. x [n c …], weight and bias [c].
 */
export const groupNormOp = defineOp({
  name: 'nn.group_norm',
  inputs: ['x', 'weight', 'bias'],
  outputs: ['y'],
  infer({ x, weight, bias }, { groups }: { groups: number; eps: number }) {
    const channels = x.shape[1];
    expectFloat('nn.group_norm', 'x', x);
    if (x.shape.length < 2 || channels % groups !== 0)
      throw new ShapeError(
        `nn.group_norm: the channels of ${formatType(x)} do not divide into ${groups} groups.`,
      );
    expectChannels('nn.group_norm', 'weight', weight, channels);
    expectChannels('nn.group_norm', 'bias', bias, channels);
    return { y: { shape: x.shape, dtype: x.dtype } };
  },
  decompose({ x, weight, bias }, { groups, eps }) {
    const [n, c] = x.shape;
    const wide = cast(reshape(x, [n, groups, size(x) / (n * groups)]), accumulator(x.dtype));
    const centred = sub(wide, mean(wide, -1, true));
    const rstd = rsqrt(add(mean(mul(centred, centred), -1, true), eps));
    const perChannel = (p: Value) => reshape(cast(p, wide.dtype), [c, ...x.shape.slice(2).map(() => 1)]);
    const normal = reshape(mul(centred, rstd), x.shape);
    return { y: cast(add(mul(normal, perChannel(weight)), perChannel(bias)), x.dtype) };
  },
});
