import { conv2dParams, groupNormParams, linearParams } from '@emu-ts/nn';
import type { Params } from '@emu-ts/params';
import { resampleParams } from '../layers/resample.js';
import { resnetParams } from '../layers/resnet.js';
import { times } from '../layers/times.js';
import type { UnetConfig } from './config.js';
import { timeEmbeddingParams } from './time-embedding.js';
import { transformerParams } from './transformer.js';

/** Every weight of the UNet, under its name in `diffusion_pytorch_model`. */
export function unetParams(config: UnetConfig) {
  const { levels, timeWidth } = config;
  const [finest, coarsest] = [levels[0], levels[levels.length - 1]];
  const isLast = (i: number) => i === levels.length - 1;
  /** Channels of every map the way up will ask for, in the order in which the way down makes them. */
  const skips = [finest.channels];

  const down_blocks = levels.map((level, i) => {
    const input = levels[Math.max(i - 1, 0)].channels;
    skips.push(...times(level.layers + (isLast(i) ? 0 : 1), () => level.channels));
    return {
      resnets: times(level.layers, (j) =>
        resnetParams(j ? level.channels : input, level.channels, timeWidth),
      ),
      attentions: config.downAttention[i]
        ? times(level.layers, () => transformerParams(level, config))
        : undefined,
      downsamplers: isLast(i) ? undefined : resampleParams(level.channels),
    };
  });

  const upwards = levels.toReversed();
  const up_blocks = upwards.map((level, i) => {
    const below = upwards[Math.max(i - 1, 0)].channels;
    return {
      resnets: times(level.layers + 1, (j) =>
        resnetParams((j ? level.channels : below) + (skips.pop() ?? 0), level.channels, timeWidth),
      ),
      attentions: config.upAttention[i]
        ? times(level.layers + 1, () => transformerParams(level, config))
        : undefined,
      upsamplers: isLast(i) ? undefined : resampleParams(level.channels),
    };
  });

  return {
    conv_in: conv2dParams(config.inChannels, finest.channels, config.convInKernel),
    time_embedding: timeEmbeddingParams(finest.channels, timeWidth),
    encoder_hid_proj:
      config.encoderHidWidth === undefined
        ? undefined
        : linearParams(config.encoderHidWidth, coarsest.contextWidth),
    down_blocks,
    mid_block: {
      resnets: times(2, () => resnetParams(coarsest.channels, coarsest.channels, timeWidth)),
      attentions: [transformerParams(coarsest, config)],
    },
    up_blocks,
    conv_norm_out: groupNormParams(finest.channels),
    conv_out: conv2dParams(finest.channels, config.outChannels, config.convOutKernel),
  };
}

export type UnetTree = ReturnType<typeof unetParams>;
export type UnetParams = Params<UnetTree>;
