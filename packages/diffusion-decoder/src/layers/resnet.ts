import { add, reshape, type Value } from '@emu-ts/graph';
import { conv2d, conv2dParams, groupNorm, groupNormParams, linear, linearParams, silu } from '@emu-ts/nn';
import type { Params } from '@emu-ts/params';

/** Group normalisation of a block: how many groups, and what is added to the variance. */
export interface NormConfig {
  readonly groups: number;
  readonly eps: number;
}

/** @param timeWidth width of the time embedding; absent in blocks that know no time, as in the VAE */
export const resnetParams = (inChannels: number, outChannels: number, timeWidth?: number) => ({
  norm1: groupNormParams(inChannels),
  conv1: conv2dParams(inChannels, outChannels, 3),
  time_emb_proj: timeWidth === undefined ? undefined : linearParams(timeWidth, outChannels),
  norm2: groupNormParams(outChannels),
  conv2: conv2dParams(outChannels, outChannels, 3),
  conv_shortcut: inChannels === outChannels ? undefined : conv2dParams(inChannels, outChannels, 1),
});

export type ResnetTree = ReturnType<typeof resnetParams>;

/**
 * x [b c h w] → [b o h w]: two convolutions around the time.
 *
 * @param time activated time embedding [b e] or [1 e], where the block has a projection for it
 */
export function resnet(p: Params<ResnetTree>, x: Value, norm: NormConfig, time?: Value): Value {
  let h = conv2d(p.conv1, silu(groupNorm(p.norm1, x, norm.groups, norm.eps)), { padding: 1 });
  if (time && p.time_emb_proj) h = add(h, reshape(linear(p.time_emb_proj, time), [-1, h.shape[1], 1, 1]));
  h = conv2d(p.conv2, silu(groupNorm(p.norm2, h, norm.groups, norm.eps)), { padding: 1 });
  return add(p.conv_shortcut ? conv2d(p.conv_shortcut, x) : x, h);
}
