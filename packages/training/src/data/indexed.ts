import type { HostTensor } from '@emu-ts/base';
import type { Json } from '../files/checkpoints.js';
import type { TrainingData } from '../loop/options.js';

export interface IndexedOptions {
  /** Makes batch number `index`; the same number gives the same batch. */
  readonly batch: (
    index: number,
  ) => Readonly<Record<string, HostTensor>> | Promise<Readonly<Record<string, HostTensor>>>;
  /** Batches in all. Default endless. */
  readonly count?: number | undefined;
}

/** Data that is drawn or looked up by number: its position is the number of the next batch. */
export const indexedData = ({ batch, count = Number.POSITIVE_INFINITY }: IndexedOptions): TrainingData => ({
  async *open(position: Json | undefined, { signal }) {
    for (let index = typeof position === 'number' ? position : 0; index < count; index++) {
      signal?.throwIfAborted();
      yield { tensors: await batch(index), position: index + 1 };
    }
  },
});
