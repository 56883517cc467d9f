import { availableParallelism } from 'node:os';
import type { Executor } from '@emu-ts/graph';
import { onnx } from '@emu-ts/onnx';
import { initialize, tensorSource } from '@emu-ts/params';
import { type Bench, executors } from '@emu-ts/testing';
import { indexedData, train } from '../src/index.js';
import { small, smallEmu } from './small-emu.js';

/**
 * The same pairs an update, by copies of ONNX Runtime with a core each and by one with all of them. The model is small: what
 * it computes is shared by threads less well than its batches by copies.
 */
const count = availableParallelism();
const updates = 8;
const start = (threads: number): Promise<Executor> =>
  onnx({ worker: true, sessionOptions: { intraOpNumThreads: threads } });

/** Milliseconds of an update: the median, without the first two. */
async function pace(batches: number, executor: Executor, replicas?: readonly Executor[]): Promise<number> {
  const { model, step, batch } = smallEmu(
    { ...small, pairs: small.pairs / batches },
    { accumulate: batches },
  );
  const times: number[] = [];
  await using _ = await train({
    executor,
    replicas,
    step,
    weights: tensorSource(initialize(model.params, { seed: 1 })),
    data: indexedData({ batch: () => batch }),
    updates,
    onUpdate: () => times.push(performance.now()),
  });
  const apart = times.slice(1).map((time, i) => time - times[i]);
  return apart.slice(1).sort((a, b) => a - b)[(apart.length - 1) >> 1];
}

export const benches: readonly Bench[] =
  count > 1 && small.pairs % count === 0 && executors().some(({ name }) => name === 'onnx')
    ? [
        {
          name: `training: an update on ${count} replicas`,
          unit: 'ms',
          async run() {
            await using all = await start(count);
            const replicas = await Promise.all(Array.from({ length: count }, () => start(1)));
            try {
              const value = await pace(count, all, replicas);
              const alone = await pace(1, all);
              return { value, baseline: { name: `one with ${count} threads`, value: alone } };
            } finally {
              for (const replica of replicas) await replica.dispose();
            }
          },
        },
      ]
    : [];
