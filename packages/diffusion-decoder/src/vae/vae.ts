import { add, dims, exp, max, min, mul, reshape, split, transpose, type Value } from '@emu-ts/graph';
import { attention, conv2d, groupNorm, linear, mergeHeads, silu, splitHeads } from '@emu-ts/nn';
import { downsample, upsample } from '../layers/resample.js';
import { resnet } from '../layers/resnet.js';
import type { VaeConfig } from './config.js';
import type { VaeAttentionParams, VaeMidBlockParams, VaeParams } from './params.js';

/** Fixed in the reference. */
const eps = 1e-6;
const logVarianceRange = [-30, 20] as const;

export interface VaePosterior {
  /** Both [b c h w], in the autoencoder's own scale. */
  readonly mean: Value;
  readonly logvar: Value;
}

/** Pixels [b 3 H W] in −1…1 → the distribution of their latents. */
export function vaeEncode(p: VaeParams, pixels: Value, config: VaeConfig): VaePosterior {
  const norm = { groups: config.normGroups, eps };
  let x = conv2d(p.encoder.conv_in, pixels, { padding: 1 });
  for (const block of p.encoder.down_blocks) {
    for (const layer of block.resnets) x = resnet(layer, x, norm);
    if (block.downsamplers) x = downsample(block.downsamplers, x, 0);
  }
  x = midBlock(p.encoder.mid_block, x, config);
  x = silu(groupNorm(p.encoder.conv_norm_out, x, norm.groups, eps));
  const moments = conv2d(p.quant_conv, conv2d(p.encoder.conv_out, x, { padding: 1 }));
  const [mean, logvar] = split(moments, 1, [config.latentChannels, config.latentChannels]);
  const [low, high] = logVarianceRange;
  return { mean, logvar: min(max(logvar, low), high) };
}

/** mean + σ · noise. Multiply by `scalingFactor` for the UNet. */
export const vaeSample = ({ mean, logvar }: VaePosterior, noise: Value): Value =>
  add(mean, mul(exp(mul(logvar, 0.5)), noise));

/** Latents [b c h w] in the autoencoder's own scale (those of the UNet divided by `scalingFactor`) → pixels in −1…1. */
export function vaeDecode(p: VaeParams, latents: Value, config: VaeConfig): Value {
  const norm = { groups: config.normGroups, eps };
  let x = conv2d(p.decoder.conv_in, conv2d(p.post_quant_conv, latents), { padding: 1 });
  x = midBlock(p.decoder.mid_block, x, config);
  for (const block of p.decoder.up_blocks) {
    for (const layer of block.resnets) x = resnet(layer, x, norm);
    if (block.upsamplers) x = upsample(block.upsamplers, x);
  }
  x = silu(groupNorm(p.decoder.conv_norm_out, x, norm.groups, eps));
  return conv2d(p.decoder.conv_out, x, { padding: 1 });
}

function midBlock(p: VaeMidBlockParams, x: Value, { normGroups }: VaeConfig): Value {
  const norm = { groups: normGroups, eps };
  x = resnet(p.resnets[0], x, norm);
  x = pixelAttention(p.attentions[0], x, normGroups);
  return resnet(p.resnets[1], x, norm);
}

/** Every pixel attends to every other, with one head: x [b c h w] */
function pixelAttention(p: VaeAttentionParams, x: Value, groups: number): Value {
  const { b, c, h, w } = dims(x, 'b c h w');
  const normal = groupNorm(p.group_norm, x, groups, eps);
  const tokens = transpose(reshape(normal, [b, c, h * w]), [0, 2, 1]); // [b h·w c]
  const [q, k, v] = [p.to_q, p.to_k, p.to_v].map((projection) => splitHeads(linear(projection, tokens), 1));
  const seen = linear(p.to_out[0], mergeHeads(attention({ q, k, v }, { scale: 1 / Math.sqrt(c) })));
  return add(x, reshape(transpose(seen, [0, 2, 1]), [b, c, h, w]));
}
