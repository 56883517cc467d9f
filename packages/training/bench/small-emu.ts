import { type HostTensor, random, tensor } from '@emu-ts/base';
import { t5CausalTransformer } from '@emu-ts/causal-transformer';
import { llamaModel } from '@emu-ts/language-model';
import { linearHead } from '@emu-ts/regression-head';
import { evaClip } from '@emu-ts/visual-encoder';
import { collate, composeModel, interleavedObjective, type TrainingRow, trainingStep } from '../src/index.js';

/** Sizes of the model that training is measured with. */
export interface Sizes {
  /** Picture–text pairs of a batch, and words of each. */
  readonly pairs: number;
  readonly words: number;
  readonly queries: number;
  readonly imageSize: number;
  readonly visionWidth: number;
  readonly width: number;
  readonly layers: number;
}

/** A small Emu: 2.8 M weights, 48 pairs at 64 × 64. */
export const small: Sizes = {
  pairs: 48,
  words: 24,
  queries: 8,
  imageSize: 64,
  visionWidth: 128,
  width: 160,
  layers: 4,
};

/** The same, small enough to try a benchmark out. */
export const tiny: Sizes = {
  pairs: 3,
  words: 6,
  queries: 3,
  imageSize: 16,
  visionWidth: 16,
  width: 24,
  layers: 1,
};

export const optimizer = {
  betas: [0.9, 0.98],
  eps: 1e-6,
  weightDecay: 0.05,
  groups: [{ name: 'all', match: ['**'], rate: 3e-4 }],
  clipNorm: 1,
} as const;

/** The model, its training step and a batch. */
export function smallEmu(
  { pairs, words, queries, imageSize, visionWidth, width, layers }: Sizes,
  { accumulate = 1 } = {},
) {
  const vision = {
    imageSize,
    patchSize: 8,
    width: visionWidth,
    layers,
    heads: 4,
    mlpWidth: 4 * visionWidth,
    embedDim: visionWidth / 2,
    normEps: 1e-6,
  };
  const llama = {
    vocabSize: 512,
    width,
    layers,
    heads: 4,
    hiddenWidth: Math.round(2.7 * width),
    eps: 1e-6,
    contextLength: 128,
    ropeBase: 10_000,
    ropeTable: 'f32',
    initStd: 0.02,
  } as const;
  const connector = {
    queries,
    inputWidth: visionWidth,
    outputWidth: width,
    width: visionWidth,
    layers: Math.ceil(layers / 2),
    heads: 4,
    headWidth: visionWidth / 4,
    mlpWidth: 4 * visionWidth,
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
    optimizer,
    accumulate,
  });
  return {
    config: { vision, llama, connector },
    model,
    step,
    batch: batchOf(pairs, { words, queries, imageSize }),
  };
}

function batchOf(
  pairs: number,
  { words, queries, imageSize }: Pick<Sizes, 'words' | 'queries' | 'imageSize'>,
): Record<string, HostTensor> {
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
          [3, imageSize, imageSize],
          random(r)
            .normal(3 * imageSize ** 2)
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
