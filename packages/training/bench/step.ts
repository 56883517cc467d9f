import { type HostTensor, random, tensor } from '@emu-ts/base';
import { t5CausalTransformer } from '@emu-ts/causal-transformer';
import type { Executor, Graph } from '@emu-ts/graph';
import { llamaModel } from '@emu-ts/language-model';
import { initialize } from '@emu-ts/params';
import { linearHead } from '@emu-ts/regression-head';
import { type Bench, executors } from '@emu-ts/testing';
import { evaClip } from '@emu-ts/visual-encoder';
import {
  collate,
  composeModel,
  interleavedObjective,
  type StepGraph,
  type TrainingRow,
  trainingStep,
} from '../src/index.js';

/** A whole training step of a small Emu (2.8 M weights, 48 picture–text pairs at 64 × 64), beside its forward pass. */
const [pairs, queries, words] = [48, 8, 24];
const vision = {
  imageSize: 64,
  patchSize: 8,
  width: 128,
  layers: 4,
  heads: 4,
  mlpWidth: 512,
  embedDim: 64,
  normEps: 1e-6,
};
const llama = {
  vocabSize: 512,
  width: 160,
  layers: 4,
  heads: 4,
  hiddenWidth: 432,
  eps: 1e-6,
  contextLength: 128,
  ropeBase: 10_000,
  ropeTable: 'f32',
  initStd: 0.02,
} as const;
const connector = {
  queries,
  inputWidth: vision.width,
  outputWidth: llama.width,
  width: 128,
  layers: 2,
  heads: 4,
  headWidth: 32,
  mlpWidth: 512,
  buckets: 32,
  maxDistance: 128,
  normEps: 1e-6,
};
const model = composeModel({
  visualEncoder: evaClip(vision),
  causalTransformer: t5CausalTransformer(connector),
  languageModel: llamaModel(llama),
  regressionHead: linearHead(llama),
});
const step = trainingStep({
  params: model.params,
  objective: interleavedObjective(model),
  optimizer: {
    betas: [0.9, 0.98],
    eps: 1e-6,
    weightDecay: 0.05,
    groups: [{ name: 'all', match: ['**'], rate: 3e-4 }],
    clipNorm: 1,
  },
});

function batch(): Record<string, HostTensor> {
  const [open, close, image] = [509, 510, 511];
  const rows = Array.from({ length: pairs }, (_, r): TrainingRow => {
    const text = Array.from({ length: words }, (_, i) => 3 + ((r * 7 + i * 5) % 500));
    const ids = [1, open, ...new Array<number>(queries).fill(image), close, ...text];
    const pairsOf = (from: number) => Int32Array.from({ length: queries + 1 }, (_, i) => from + i);
    return {
      ids,
      imageSlots: [2],
      images: [
        tensor(
          'f32',
          [3, 64, 64],
          random(r)
            .normal(3 * 64 * 64)
            .slice(),
        ),
      ],
      targets: {
        labels: Int32Array.from(ids, (id) => (id >= open ? -100 : id)),
        regressionInputs: pairsOf(1),
        regressionLabels: pairsOf(2),
      },
    };
  });
  return collate(rows, { queries, padId: 508 });
}

/** The fastest of a few runs, in milliseconds; state goes round. */
async function fastest(executor: Executor, { graph, donate }: StepGraph): Promise<number> {
  const given = batch();
  const weights = initialize(model.params, { seed: 1 });
  const place = async (name: string) =>
    executor.upload(weights.get(name) ?? given[name] ?? tensor('f32', graph.inputs[name].shape));
  let inputs = Object.fromEntries(
    await Promise.all(Object.keys(graph.inputs).map(async (name) => [name, await place(name)] as const)),
  );
  await using program = await executor.compile(graph, { donate });
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 8; i++) {
    const start = performance.now();
    const outputs = await program.run(inputs);
    best = Math.min(best, performance.now() - start);
    inputs = {
      ...inputs,
      ...Object.fromEntries(Object.entries(donate).map(([from, to]) => [from, outputs[to]])),
    };
    for (const [name, output] of Object.entries(outputs)) if (!(name in donate)) output.dispose();
  }
  for (const held of Object.values(inputs)) held.dispose();
  return best;
}

const alone = (graph: Graph): StepGraph => ({ graph, donate: {} });

export const benches: readonly Bench[] = executors()
  .filter(({ name }) => name !== 'reference')
  .map(({ name, create }) => ({
    name: `training: step (${name})`,
    unit: 'ms',
    async run() {
      await using executor = await create();
      const types = batch();
      const value = await fastest(executor, step.trace(types));
      const forward = await fastest(executor, alone(step.traceLosses(types)));
      return { value, baseline: { name: 'three forward passes', value: 3 * forward } };
    },
  }));
