import { toF64 } from '@emu-ts/base';
import type { Executor } from '@emu-ts/graph';
import { describe, expect, it } from 'vitest';
import { train } from '../src/loop/train.js';
import { checkpointsIn, freshDirs, outcome, timeless, toyRun } from './runs.js';
import { toyOptimizer, toyStep, toyWeights } from './toy.js';

/** A run that stops and goes on makes the same updates as one that never stopped, to the last bit. */
export function describeResume(name: string, create: () => Promise<Executor>): void {
  const freshDir = freshDirs();
  describe(`stopping and going on (${name})`, () => {
    it('makes the same run from any step', async () => {
      await using executor = await create();
      const options = () => ({
        ...toyRun(),
        executor,
        updates: 7,
        step: toyStep({ ema: 0.9 }),
        checkpointEvery: 3,
      });
      const wholeDir = freshDir();
      const whole = await outcome(await train({ ...options(), dir: wholeDir }));
      for (let stop = 1; stop < 7; stop++) {
        const dir = freshDir();
        await (await train({ ...options(), dir, updates: stop })).dispose();
        const resumed = await outcome(await train({ ...options(), dir }));
        expect(resumed).toEqual(whole);
        expect(await timeless(dir)).toEqual(await timeless(wholeDir));
      }
    });

    it('saves what was done when it is aborted, and goes on from there', async () => {
      await using executor = await create();
      const dir = freshDir();
      const stopper = new AbortController();
      const options = { ...toyRun(), executor, dir };
      const stopped = train({
        ...options,
        signal: stopper.signal,
        onUpdate: ({ update }) => update === 5 && stopper.abort(),
      });
      await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
      expect(checkpointsIn(dir)).toEqual(['step-00000005']);
      const resumed = await outcome(await train(options));
      expect(resumed).toEqual(await outcome(await train({ ...toyRun(), executor })));
    });

    it('trains the rows of a table, and saves the table whole', async () => {
      await using executor = await create();
      const dir = freshDir();
      const options = () => ({
        ...toyRun(),
        executor,
        dir,
        step: toyStep({ optimizer: { ...toyOptimizer, rows: { 'a.weight': 6 } } }),
      });
      await (await train({ ...options(), updates: 3 })).dispose();
      await using result = await train({ ...options(), updates: 6 });
      const before = toF64(await toyWeights().read('a.weight'));
      const after = toF64(await result.state.weight('a.weight'));
      expect([...after.subarray(0, 18)]).toEqual([...before.subarray(0, 18)]);
      expect([...after.subarray(18)].every((w, i) => w !== before[18 + i])).toBe(true);
    });
  });
}
