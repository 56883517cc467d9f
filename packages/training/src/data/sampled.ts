import { type HostTensor, random, tensor } from '@emu-ts/base';

export interface SampledOptions {
  /** [images queries] */
  readonly shape: readonly [number, number];
  /** Share of embeddings that the model reads as its own prediction. */
  readonly rate: number;
  readonly seed: number;
  /** Number of the batch. */
  readonly index: number;
}

/** The `sampled` of a batch of `interleavedObjective`: which image embeddings are the model's own. */
export function drawSampled({ shape, rate, seed, index }: SampledOptions): HostTensor {
  const size = shape[0] * shape[1];
  const draws = random(seed, stream).uniform(size, index * size);
  return tensor(
    'i32',
    shape,
    Int32Array.from(draws, (u) => (u < rate ? 1 : 0)),
  );
}

/** This use's stream of the seed. */
const stream = 0x73616d70;
