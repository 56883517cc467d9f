import { type HostTensor, random, sizeOf, tensor } from '@emu-ts/base';
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
import { type Stage, type StageName, weightsOf } from '../train/stage.js';
import { drawings } from './conditions.js';
import { latentsOf, scaleOf } from './latents.js';

export const unetConfig = parseUnetConfig(unetJson(llama(1).width));
type UnetTree = ReturnType<typeof unetParams>;

/** Pictures that are drawn together. */
const batch = 48;

interface Drawing {
  readonly name: StageName;
  readonly updates: number;
  /** Pictures to learn from; each comes back with fresh noise. */
  readonly pictures: number;
  /** Which of the world's. */
  readonly first: number;
  readonly rate: number;
  /** The stage whose weights see. */
  readonly eyes: StageName;
  /** The stage that the decoder goes on from; absent: random weights. */
  readonly from?: StageName | undefined;
  /** Share of pictures in grey or in colours without a name: what shapes look like, whatever their colour. */
  readonly grey: number;
  /** Share of pictures that are drawn from what the encoder sees, the rest from what both language models predict. */
  readonly seen: number;
}

/** Products and kernels inside the UNet. */
const products = ['down_blocks.**.weight', 'mid_block.**.weight', 'up_blocks.**.weight'];

/** The decoder: noise out of latents, under embeddings of the pictures. */
export const drawing = ({ name, updates: wanted, ...drawing }: Drawing): Stage => ({
  name,
  updates: wanted,
  async make(workshop, updates, options) {
    const { seed, executor, tokenizerModel } = workshop;
    await using eyes = await weightsOf(workshop, drawing.eyes);
    const predicts = drawing.seen < 1;
    await using base = predicts ? await weightsOf(workshop, 'read') : undefined;
    await using tuned = predicts ? await weightsOf(workshop, 'instruct') : undefined;
    await using autoencoder = await weightsOf(workshop, 'autoencode');
    const before = drawing.from && (await weightsOf(workshop, drawing.from, { averages: true }));
    const samples = Math.min(drawing.pictures, updates * batch);
    const drawn = await drawings({
      executor,
      weights: eyes,
      languageModels: base && tuned && { base, instruct: tuned },
      tokenizerModel,
      seed: seed + drawing.first,
      count: samples,
      grey: drawing.grey,
      ...options,
    });
    const coding = { executor, weights: autoencoder, ...options };
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
        muon: products,
        groups: [{ name: 'unet', match: ['**'], rate: drawing.rate }],
      },
    });
    return {
      step,
      weights: before ?? tensorSource(initialize(params, { seed })),
      close: before && (() => before.close()),
      data: indexedData({
        batch: (index) => {
          const chosen = Array.from(random(seed, 0x64726177).uniform(batch, index * batch), (u) =>
            Math.floor(u * samples),
          );
          const clean = rows([latents], chosen);
          for (let i = 0; i < clean.data.length; i++) clean.data[i] *= factor;
          const seen = random(seed, 0x7365656e)
            .uniform(batch, index * batch)
            .map((u, i) => (u < drawing.seen || drawn.onlySeen[chosen[i]] ? 1 : 0));
          return {
            latents: clean,
            condition: rows([drawn.predicted, drawn.seen], chosen, seen),
            null_condition: drawn.empty[index % drawn.empty.length],
            ...drawNoise({
              shape: [batch, c, h, w],
              alphas,
              seed: seed + drawing.first,
              index,
              encode: (timesteps) => encodeTimesteps(timesteps, unetConfig),
            }),
          };
        },
      }),
      schedule: warmupCosine({ steps: updates, warmup: 100, final: 0.02 }),
    };
  },
});

/** Rows of tables of one shape, copied: row `i` from table number `which[i]`, the first where there is no number. */
function rows(
  tables: readonly HostTensor<'f32'>[],
  chosen: readonly number[],
  which: ArrayLike<number> = [],
): HostTensor<'f32'> {
  const [{ shape }] = tables;
  const size = sizeOf(shape.slice(1));
  const out = tensor('f32', [chosen.length, ...shape.slice(1)]);
  for (const [i, row] of chosen.entries())
    out.data.set(tables[which[i] ?? 0].data.subarray(row * size, (row + 1) * size), i * size);
  return out;
}
