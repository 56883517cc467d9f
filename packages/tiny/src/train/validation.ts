import { type IndexedOptions, indexedData } from '@emu-ts/training';

/** Losses on a few held-out batches, now and then. */
export const onHeldOut = (batch: IndexedOptions['batch']) => ({
  every: 500,
  data: indexedData({ count: 8, batch }),
});
