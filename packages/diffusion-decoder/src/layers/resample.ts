import { slice, type Value } from '@emu-ts/graph';
import { conv2d, conv2dParams, upsampleNearest } from '@emu-ts/nn';
import type { Params } from '@emu-ts/params';

export const resampleParams = (channels: number) => [{ conv: conv2dParams(channels, channels, 3) }];

export type ResampleTree = ReturnType<typeof resampleParams>;

/**
 * Halves height and width, rounding up.
 *
 * @param padding 1 pads every side; 0 pads below and to the right alone, as the VAE's encoder does
 */
export const downsample = ([{ conv }]: Params<ResampleTree>, x: Value, padding: number): Value =>
  conv2d(conv, x, { stride: 2, padding: padding === 0 ? [0, 0, 1, 1] : padding });

/** Doubles height and width; `size` cuts the last row or column off where the way down had rounded up. */
export function upsample(
  [{ conv }]: Params<ResampleTree>,
  x: Value,
  size?: { readonly height: number; readonly width: number },
): Value {
  const doubled = upsampleNearest(x, 2);
  const cut = size ? slice(slice(doubled, 2, 0, size.height), 3, 0, size.width) : doubled;
  return conv2d(conv, cut, { padding: 1 });
}
