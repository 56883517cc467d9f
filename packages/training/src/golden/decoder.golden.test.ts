import { type HostTensor, random, sizeOf, tensor } from '@emu-ts/base';
import {
  conditionWidth,
  cumulativeAlphas,
  encodeTimesteps,
  parseSchedulerConfig,
  parseUnetConfig,
  parseVaeConfig,
  unet,
  unetParams,
  vaeDecode,
  vaeEncode,
  vaeParams,
} from '@emu-ts/diffusion-decoder';
import { interpret } from '@emu-ts/graph';
import { loadParams, type ParamTree, tensorSource } from '@emu-ts/params';
import { expectClose, goldens, sharedExecutors } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { indexedData } from '../data/indexed.js';
import { train } from '../loop/train.js';
import { autoencoderObjective } from '../losses/autoencoder.js';
import { diffusionObjective, drawNoise } from '../losses/diffusion.js';
import type { OptimizerOptions } from '../optimizer/groups.js';
import { names } from '../step/names.js';
import { trainingStep } from '../step/step.js';
import type { Objective } from '../step/types.js';

const { json, weights: open } = await goldens();
const unetConfig = parseUnetConfig(await json('checkpoint/unet/config.json'));
const vaeConfig = parseVaeConfig(await json('checkpoint/vae/config.json'));
const scheduler = parseSchedulerConfig(await json('checkpoint/scheduler/scheduler_config.json'));
const alphas = cumulativeAlphas(scheduler.config);
const optimizer: OptimizerOptions = {
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 1e-2,
  groups: [{ name: 'all', match: ['**'], rate: 1e-3 }],
};
const normal = (seed: number, ...shape: number[]) =>
  tensor('f32', shape, random(seed).normal(sizeOf(shape)).slice());

const latents = [2, unetConfig.inChannels, 8, 8];
const downscale = 2 ** (vaeConfig.channels.length - 1);
const side = Math.max(1, 8 / downscale);
const pixels = [2, vaeConfig.inChannels, side * downscale, side * downscale];

interface Case {
  readonly name: string;
  readonly folder: 'unet' | 'vae';
  readonly params: ParamTree;
  readonly objective: Objective<ParamTree>;
  readonly batch: Record<string, HostTensor>;
}

const cases: readonly Case[] = [
  {
    name: 'UNet',
    folder: 'unet',
    params: unetParams(unetConfig) as unknown as ParamTree,
    objective: diffusionObjective<ParamTree>(
      (p, inputs) => unet(p as unknown as Parameters<typeof unet>[0], inputs, unetConfig).output,
    ),
    batch: {
      latents: normal(1, ...latents),
      condition: normal(2, 2, 8, conditionWidth(unetConfig)),
      ...drawNoise({
        shape: latents,
        alphas,
        seed: 3,
        index: 0,
        encode: (t) => encodeTimesteps(t, unetConfig),
      }),
    },
  },
  {
    name: 'VAE',
    folder: 'vae',
    params: vaeParams(vaeConfig) as unknown as ParamTree,
    objective: autoencoderObjective<ParamTree>({
      encode: (p, x) => vaeEncode(p as unknown as Parameters<typeof vaeEncode>[0], x, vaeConfig),
      decode: (p, z) => vaeDecode(p as unknown as Parameters<typeof vaeDecode>[0], z, vaeConfig),
    }),
    batch: { images: normal(4, ...pixels), noise: normal(5, 2, vaeConfig.latentChannels, side, side) },
  },
];

/** Where a gradient's layer stands; a metric stands alone. */
const layerOf = (output: string): string =>
  output.startsWith(names.gradient('')) ? output.slice(0, output.lastIndexOf('.')) : output;

const executors = sharedExecutors();

describe.each(cases)('training the $name of the reference', ({ name, folder, params, objective, batch }) => {
  const step = trainingStep({ params, objective, optimizer });
  const weights = async () => {
    await using file = await open(folder);
    return await loadParams(params, file);
  };

  it.each(executors)(
    'has a gradient for every weight, as on the interpreter ($name)',
    async ({ name: on, create }) => {
      const { graph } = step.traceGradients(batch);
      const loaded = await weights();
      const given = Object.fromEntries(
        Object.keys(graph.inputs).map((input) => [input, loaded.get(input) ?? batch[input]]),
      );
      const expected = interpret(graph, given);
      const reached = [...step.trained.keys()].filter((weight) => expected[names.gradient(weight)]);
      expect(reached).toEqual([...step.trained.keys()]);
      await using executor = await create();
      await using program = await executor.compile(graph);
      const out = await program.run(given);
      const widest = Math.max(...[...step.parameters.values()].map(({ shape }) => sizeOf(shape.slice(1))));
      // The key bias of an attention has a gradient of zero, left over from terms as large as its weight's gradient.
      const magnitudes = new Map<string, number>();
      for (const [output, { data }] of Object.entries(expected)) {
        const largest = data.reduce((most, g) => Math.max(most, Math.abs(g)), 0);
        magnitudes.set(layerOf(output), Math.max(largest, magnitudes.get(layerOf(output)) ?? 0));
      }
      for (const [output, result] of Object.entries(out)) {
        using owned = result;
        expectClose(`${name} ${output} (${on})`, await owned.read(), expected[output], {
          terms: widest,
          depth: step.parameters.size / 2,
          magnitude: magnitudes.get(layerOf(output)) as number,
        });
      }
    },
  );

  it.each(executors)('learns a batch ($name)', async ({ create }) => {
    await using executor = await create();
    const losses: number[] = [];
    const result = await train({
      executor,
      step,
      weights: tensorSource(await weights()),
      data: indexedData({ batch: () => batch }),
      updates: 4,
      onUpdate: ({ record }) => losses.push(record.loss),
    });
    await result.dispose();
    expect(losses[3]).toBeLessThan(losses[0]);
  });
});
