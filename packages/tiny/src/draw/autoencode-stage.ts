import { parseVaeConfig, vaeDecode, vaeEncode, vaeParams } from '@emu-ts/diffusion-decoder';
import { initialize, type ParamTree, tensorSource } from '@emu-ts/params';
import { autoencoderObjective, indexedData, part, trainingStep, warmupCosine } from '@emu-ts/training';
import { vision } from '../model/config.js';
import { vaeJson } from '../model/decoder.js';
import type { Stage } from '../train/stage.js';
import { autoencoderBatch } from './data.js';

export const vaeConfig = parseVaeConfig(vaeJson);
type VaeTree = ReturnType<typeof vaeParams>;

const shared = { split: 'train', imageSize: vision.imageSize, latents: [4, 16, 16], batch: 12 } as const;

/** Inside both halves. */
const kernels = ['down', 'mid', 'up'].map((block) => `**.${block}_block**.weight`);

/**
 * Latents of pictures and back. Pixels are compared by squares: absolute differences leave small coloured things grey for
 * thousands of updates.
 */
export const autoencodeStage: Stage = {
  name: 'autoencode',
  updates: 6000,
  async make({ seed }, updates) {
    const params: ParamTree = vaeParams(vaeConfig);
    const step = trainingStep({
      params,
      objective: autoencoderObjective<ParamTree>(
        {
          encode: (p, pixels) => vaeEncode(part<VaeTree>(p), pixels, vaeConfig),
          decode: (p, latents) => vaeDecode(part<VaeTree>(p), latents, vaeConfig),
        },
        { klWeight: 1e-4, reconstruction: 'squared' },
      ),
      optimizer: {
        betas: [0.9, 0.98],
        eps: 1e-6,
        weightDecay: 0.01,
        clipNorm: 1,
        muon: kernels,
        groups: [{ name: 'vae', match: ['**'], rate: 2e-3 }],
      },
    });
    return {
      step,
      weights: tensorSource(initialize(params, { seed })),
      data: indexedData({ batch: (i) => autoencoderBatch({ ...shared, seed }, i) }),
      schedule: warmupCosine({ steps: updates, warmup: 50, final: 0.02 }),
    };
  },
};
