import { type HostTensor, random, tensor } from '@emu-ts/base';
import type { Executor } from '@emu-ts/graph';
import { initialize, tensorSource } from '@emu-ts/params';
import {
  type DiffusionDecoderOptions,
  emuUnetConfig,
  emuVaeConfig,
  type UnetConfig,
  unetParams,
  type VaeConfig,
  vaeParams,
} from '../src/index.js';

const level = { channels: 4, layers: 1, heads: 2, transformerLayers: 1, contextWidth: 3 };

export const unetConfig: UnetConfig = {
  ...emuUnetConfig,
  sampleSize: 4,
  levels: [level, level],
  downAttention: [true, false],
  upAttention: [false, true],
  normGroups: 2,
  timeWidth: 6,
};

export const vaeConfig: VaeConfig = { ...emuVaeConfig, channels: [4, 4], layers: 1, normGroups: 2 };

/** Weights by name, fresh from their initialisers. */
export const unetWeights = () => initialize(unetParams(unetConfig), { seed: 1 });
export const vaeWeights = () => initialize(vaeParams(vaeConfig), { seed: 2 });

/** A decoder small enough to be run many times. */
export const tinyDecoder = (executor: Executor): DiffusionDecoderOptions => ({
  executor,
  unet: { config: unetConfig, weights: tensorSource(unetWeights()) },
  vae: { config: vaeConfig, weights: tensorSource(vaeWeights()) },
});

/** `count` conditions of two rows. */
export const condition = (count: number, seed = 1): HostTensor =>
  tensor('f32', [count, 2, 3], random(seed).normal(count * 6));
