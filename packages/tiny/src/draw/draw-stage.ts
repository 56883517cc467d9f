import { type HostTensor, random, tensor } from '@emu-ts/base';
import {
  cumulativeAlphas,
  encodeTimesteps,
  parseSchedulerConfig,
  parseUnetConfig,
  unet,
  unetParams,
} from '@emu-ts/diffusion-decoder';
import { initialize, type ParamTree, tensorSource } from '@emu-ts/params';
import {
  diffusionObjective,
  drawNoise,
  indexedData,
  part,
  trainingStep,
  warmupCosine,
} from '@emu-ts/training';
import { llama } from '../model/config.js';
import { schedulerJson, unetJson } from '../model/decoder.js';
import { type Stage, weightsOf } from '../train/stage.js';
import { drawings } from './conditions.js';
import { latentsOf, scaleOf } from './latents.js';

export const unetConfig = parseUnetConfig(unetJson(llama(1).width));
type UnetTree = ReturnType<typeof unetParams>;

/** Pictures that the decoder is taught with; each comes back with fresh noise. */
const count = 16_000;
const batch = 48;

/** How many of a batch are drawn from what the encoder sees: all at first, one in five in the end. */
const seenShare = (progress: number): number => Math.max(0.2, 1 - 1.6 * progress);

/** The decoder: noise out of latents, under embeddings that the language model predicted. */
export const drawStage: Stage = {
  name: 'draw',
  updates: 6500,
  async make(workshop, updates, options) {
    const { seed, executor, tokenizerModel } = workshop;
    await using pretrained = await opened(workshop, 'interleave');
    await using autoencoder = await opened(workshop, 'autoencode');
    const samples = Math.min(count, updates * batch);
    const drawn = await drawings({
      executor,
      weights: pretrained.source,
      tokenizerModel,
      seed: seed + 2,
      count: samples,
      ...options,
    });
    const coding = { executor, weights: autoencoder.source, ...options };
    const latents = await latentsOf(drawn.images, coding);
    const factor = await scaleOf(coding);
    const alphas = cumulativeAlphas(parseSchedulerConfig(schedulerJson).config);
    const params: ParamTree = unetParams(unetConfig);
    const [c, h, w] = latents.shape.slice(1);
    const step = trainingStep({
      params,
      objective: diffusionObjective<ParamTree>(
        (p, inputs) => unet(part<UnetTree>(p), inputs, unetConfig).output,
        { snrLimit: 5 },
      ),
      ema: 0.998,
      optimizer: {
        betas: [0.9, 0.99],
        eps: 1e-8,
        weightDecay: 0.01,
        clipNorm: 1,
        groups: [{ name: 'unet', match: ['**'], rate: 1e-3 }],
      },
    });
    return {
      step,
      weights: tensorSource(initialize(params, { seed })),
      data: indexedData({
        batch: (index) => {
          const chosen = Array.from(random(seed, 0x64726177).uniform(batch, index * batch), (u) =>
            Math.floor(u * samples),
          );
          const clean = rows([latents], chosen);
          for (let i = 0; i < clean.data.length; i++) clean.data[i] *= factor;
          const share = seenShare(index / updates);
          const seen = random(seed, 0x7365656e)
            .uniform(batch, index * batch)
            .map((u) => (u < share ? 1 : 0));
          return {
            latents: clean,
            condition: rows([drawn.predicted, drawn.seen], chosen, seen),
            null_condition: drawn.empty,
            ...drawNoise({
              shape: [batch, c, h, w],
              alphas,
              seed,
              index,
              encode: (timesteps) => encodeTimesteps(timesteps, unetConfig),
            }),
          };
        },
      }),
      schedule: warmupCosine({ steps: updates, warmup: 100, final: 0.02 }),
    };
  },
};

async function opened(...[workshop, stage]: Parameters<typeof weightsOf>) {
  const source = await weightsOf(workshop, stage);
  return { source, [Symbol.asyncDispose]: () => source.close() };
}

/** Rows of tables of one shape, copied: row `i` from table number `which[i]`, the first where there is no number. */
function rows(
  tables: readonly HostTensor<'f32'>[],
  chosen: readonly number[],
  which: ArrayLike<number> = [],
): HostTensor<'f32'> {
  const [{ shape, data }] = tables;
  const size = data.length / shape[0];
  const out = tensor('f32', [chosen.length, ...shape.slice(1)]);
  for (const [i, row] of chosen.entries())
    out.data.set(tables[which[i] ?? 0].data.subarray(row * size, (row + 1) * size), i * size);
  return out;
}
