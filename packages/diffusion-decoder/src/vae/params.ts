import { conv2dParams, groupNormParams, linearParams } from '@emu-ts/nn';
import type { Params } from '@emu-ts/params';
import { resampleParams } from '../layers/resample.js';
import { resnetParams } from '../layers/resnet.js';
import { times } from '../layers/times.js';
import type { VaeConfig } from './config.js';

const attentionParams = (channels: number) => ({
  group_norm: groupNormParams(channels),
  to_q: linearParams(channels, channels),
  to_k: linearParams(channels, channels),
  to_v: linearParams(channels, channels),
  to_out: [linearParams(channels, channels)],
});

const midBlockParams = (channels: number) => ({
  resnets: times(2, () => resnetParams(channels, channels)),
  attentions: [attentionParams(channels)],
});

function encoderParams({ inChannels, latentChannels, channels, layers }: VaeConfig) {
  const last = channels.length - 1;
  return {
    conv_in: conv2dParams(inChannels, channels[0], 3),
    down_blocks: channels.map((width, i) => ({
      resnets: times(layers, (j) => resnetParams(j ? width : channels[Math.max(i - 1, 0)], width)),
      downsamplers: i === last ? undefined : resampleParams(width),
    })),
    mid_block: midBlockParams(channels[last]),
    conv_norm_out: groupNormParams(channels[last]),
    conv_out: conv2dParams(channels[last], 2 * latentChannels, 3),
  };
}

function decoderParams({ outChannels, latentChannels, channels, layers }: VaeConfig) {
  const last = channels.length - 1;
  return {
    conv_in: conv2dParams(latentChannels, channels[last], 3),
    mid_block: midBlockParams(channels[last]),
    up_blocks: channels.toReversed().map((width, i, upwards) => ({
      resnets: times(layers + 1, (j) => resnetParams(j ? width : upwards[Math.max(i - 1, 0)], width)),
      upsamplers: i === last ? undefined : resampleParams(width),
    })),
    conv_norm_out: groupNormParams(channels[0]),
    conv_out: conv2dParams(channels[0], outChannels, 3),
  };
}

/** Every weight of the autoencoder, under its name in `diffusion_pytorch_model`. */
export const vaeParams = (config: VaeConfig) => ({
  encoder: encoderParams(config),
  quant_conv: conv2dParams(2 * config.latentChannels, 2 * config.latentChannels, 1),
  post_quant_conv: conv2dParams(config.latentChannels, config.latentChannels, 1),
  decoder: decoderParams(config),
});

export type VaeTree = ReturnType<typeof vaeParams>;
export type VaeParams = Params<VaeTree>;
export type VaeAttentionParams = Params<ReturnType<typeof attentionParams>>;
export type VaeMidBlockParams = Params<ReturnType<typeof midBlockParams>>;
