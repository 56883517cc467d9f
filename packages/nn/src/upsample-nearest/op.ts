import { ShapeError } from '@emu-ts/base';
import { broadcast, defineOp, dims, reshape, type Value } from '@emu-ts/graph';

/** Repeats every pixel `factor` times in both directions: [n c h w] → [n c h·factor w·factor]. */
export const upsampleNearestOp = defineOp({
  name: 'nn.upsample_nearest',
  inputs: ['x'],
  outputs: ['y'],
  infer({ x }, { factor }: { factor: number }) {
    const { n, c, h, w } = dims(x, 'n c h w');
    if (!Number.isInteger(factor) || factor < 1)
      throw new ShapeError(`nn.upsample_nearest: the factor must be a whole number from 1, got ${factor}.`);
    return { y: { shape: [n, c, h * factor, w * factor], dtype: x.dtype } };
  },
  decompose({ x }, { factor }) {
    const { n, c, h, w } = dims(x, 'n c h w');
    const repeated = broadcast(reshape(x, [n, c, h, 1, w, 1]), [n, c, h, factor, w, factor]);
    return { y: reshape(repeated, [n, c, h * factor, w * factor]) };
  },
});

export const upsampleNearest = (x: Value, factor: number): Value => upsampleNearestOp({ x }, { factor }).y;
