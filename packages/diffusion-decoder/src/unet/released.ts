import type { UnetConfig } from './config.js';

const level = (channels: number) => ({
  channels,
  layers: 2,
  heads: 8,
  transformerLayers: 1,
  contextWidth: 5120,
});

/** Emu's UNet: Stable Diffusion 1.5 with cross-attentions as wide as the language model. */
export const emuUnetConfig: UnetConfig = {
  inChannels: 4,
  outChannels: 4,
  sampleSize: 64,
  levels: [320, 640, 1280, 1280].map(level),
  downAttention: [true, true, true, false],
  upAttention: [false, true, true, true],
  normGroups: 32,
  normEps: 1e-5,
  timeWidth: 1280,
  flipSinToCos: true,
  freqShift: 0,
  downsamplePadding: 1,
  linearProjection: false,
  centerInput: false,
  convInKernel: 3,
  convOutKernel: 3,
};
