import { concat, mul, sub, type Value } from '@emu-ts/graph';
import { conv2d, groupNorm, silu } from '@emu-ts/nn';
import { downsample, upsample } from '../layers/resample.js';
import { type NormConfig, resnet } from '../layers/resnet.js';
import type { UnetConfig, UnetLevel } from './config.js';
import { contextKeysValues, type UnetContext } from './context.js';
import type { UnetParams } from './params.js';
import { timeEmbedding, timestepEncoding } from './time-embedding.js';
import { transformer } from './transformer.js';

export interface UnetInputs {
  /** [b c h w] */
  readonly latents: Value;
  /** [b] timesteps, or [b c] timesteps that `encodeTimesteps` has encoded; b may be 1 for all */
  readonly timesteps: Value;
  /** The condition [b n d], or the keys and values made of it */
  readonly context: Value | UnetContext;
}

export interface UnetOutputs {
  /** The prediction [b c h w] */
  readonly output: Value;
  /** Maps on the way, by the name of the part they come out of: `conv_in`, `down.0`, …, `mid_block`, `up.0`, … */
  readonly maps: Readonly<Record<string, Value>>;
}

/** What one level needs to know beside its weights. */
interface LevelScope {
  readonly level: UnetLevel;
  readonly config: UnetConfig;
  readonly norm: NormConfig;
  /** The activated time embedding [b e] */
  readonly time: Value;
}

/** Predicts the noise (or v) in the latents. */
export function unet(
  p: UnetParams,
  { latents, timesteps, context }: UnetInputs,
  config: UnetConfig,
): UnetOutputs {
  const { levels } = config;
  const coarsest = levels[levels.length - 1];
  const norm = { groups: config.normGroups, eps: config.normEps };
  const keysValues = 'node' in context ? contextKeysValues(p, context, config) : context;
  const embedding = timeEmbedding(
    p.time_embedding,
    timesteps.shape.length === 2 ? timesteps : timestepEncoding(timesteps, config),
  );
  const time = silu(embedding);
  const scope = (level: UnetLevel): LevelScope => ({ level, config, norm, time });

  const centred = config.centerInput ? sub(mul(latents, 2), 1) : latents;
  let x = conv2d(p.conv_in, centred, { padding: Math.floor(config.convInKernel / 2) });
  const maps: Record<string, Value> = { time_embedding: embedding, conv_in: x };

  const skips = [x];
  p.down_blocks.forEach((block, i) => {
    x = downBlock(block, x, skips, keysValues.down_blocks[i], scope(levels[i]));
    maps[`down.${i}`] = x;
  });
  x = midBlock(p.mid_block, x, keysValues.mid_block, scope(coarsest));
  maps.mid_block = x;
  p.up_blocks.forEach((block, i) => {
    x = upBlock(block, x, skips, keysValues.up_blocks[i], scope(levels[levels.length - 1 - i]));
    maps[`up.${i}`] = x;
  });

  const normal = silu(groupNorm(p.conv_norm_out, x, norm.groups, norm.eps));
  return { output: conv2d(p.conv_out, normal, { padding: Math.floor(config.convOutKernel / 2) }), maps };
}

type BlockContext = UnetContext['mid_block'];

/** Every map it makes is pushed to `skips`. */
function downBlock(
  p: UnetParams['down_blocks'][number],
  x: Value,
  skips: Value[],
  context: BlockContext,
  { level, config, norm, time }: LevelScope,
): Value {
  p.resnets.forEach((block, j) => {
    x = resnet(block, x, norm, time);
    if (p.attentions) x = transformer(p.attentions[j], x, context[j], level, config);
    skips.push(x);
  });
  if (p.downsamplers) {
    x = downsample(p.downsamplers, x, config.downsamplePadding);
    skips.push(x);
  }
  return x;
}

function midBlock(
  p: UnetParams['mid_block'],
  x: Value,
  context: BlockContext,
  { level, config, norm, time }: LevelScope,
): Value {
  x = resnet(p.resnets[0], x, norm, time);
  x = transformer(p.attentions[0], x, context[0], level, config);
  return resnet(p.resnets[1], x, norm, time);
}

/** Takes one map from the end of `skips` before each ResNet block. */
function upBlock(
  p: UnetParams['up_blocks'][number],
  x: Value,
  skips: Value[],
  context: BlockContext,
  { level, config, norm, time }: LevelScope,
): Value {
  p.resnets.forEach((block, j) => {
    x = resnet(block, concat([x, ...skips.splice(-1)], 1), norm, time);
    if (p.attentions) x = transformer(p.attentions[j], x, context[j], level, config);
  });
  if (!p.upsamplers) return x;
  const [, , height, width] = skips[skips.length - 1].shape;
  return upsample(p.upsamplers, x, { height, width });
}
