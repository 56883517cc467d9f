import { EmuError } from '@emu-ts/base';
import { latestRun, openRun, type SavedRun } from '../files/checkpoints.js';
import type { TrainOptions, TrainResult } from './options.js';
import { Run } from './run.js';

/**
 * Trains until `updates` are done or the data ends. With `dir`, everything that is needed to go on is saved every so often
 * and at the end, and a run that was stopped anywhere, even killed, goes on from its newest checkpoint and makes the same
 * updates as if it had never stopped.
 *
 * An abort is seen between batches: the run is saved, then the signal's reason is thrown. `NOT_FINITE`: a loss or gradient
 * was NaN or infinite; weights are as before that step, the batch and a checkpoint are in `dir`. `SAVE`: the disk did
 * not take a checkpoint; older ones are as they were. `RESUME`: what is in `dir` is not this run's.
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  options.signal?.throwIfAborted();
  const saved = await earlier(options);
  const opened = saved && (await openRun(saved.dir, options.weights));
  const run = new Run(options, opened ?? options.weights, saved?.state);
  const release = async () => {
    run.state.dispose();
    await opened?.close();
  };
  try {
    const { reason, last } = await run.train();
    const { update, skipped } = run;
    return {
      updates: update,
      skipped,
      reason,
      last,
      state: run.state,
      dispose: release,
      [Symbol.asyncDispose]: release,
    };
  } catch (error) {
    await release();
    throw error;
  } finally {
    await run.programs.dispose();
  }
}

/** The checkpoint to go on from. */
async function earlier({ dir, resume = true, seed = 0 }: TrainOptions): Promise<SavedRun | undefined> {
  const saved = dir === undefined ? undefined : await latestRun(dir);
  if (!saved) return undefined;
  if (!resume) {
    throw new EmuError('RESUME', `${dir} already holds a run of ${saved.state.update} updates.`, {
      hint: 'Resume it, or choose another directory.',
    });
  }
  if (saved.state.seed !== seed) {
    throw new EmuError('RESUME', `The run in ${dir} has seed ${saved.state.seed}, asked for is ${seed}.`, {
      hint: 'Use its seed, or choose another directory.',
    });
  }
  return saved;
}
