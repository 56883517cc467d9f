import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tensor } from '@emu-ts/base';
import { openCheckpoint } from '@emu-ts/checkpoint';
import { describe, expect, it } from 'vitest';
import { checkpointsIn, freshDirs, outcome, toyRun } from '../../test/runs.js';
import { toyBatch, toyData, toyStep } from '../../test/toy.js';
import { indexedData } from '../data/indexed.js';
import { readMetrics } from '../files/metrics.js';
import { train } from './train.js';

const freshDir = freshDirs();

describe('train', () => {
  it('learns, and says how it went', async () => {
    const losses: number[] = [];
    const progress: number[] = [];
    await using result = await train({
      ...toyRun(),
      updates: 60,
      schedule: undefined,
      onUpdate: ({ record }) => losses.push(record.loss),
      onProgress: ({ loaded }) => progress.push(loaded),
    });
    expect(result).toMatchObject({ updates: 60, reason: 'done', skipped: 0 });
    expect(losses[59]).toBeLessThan(0.3 * losses[0]);
    expect(progress).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    expect(result.last).toMatchObject({ step: 60, 'rate.first': 1e-2, 'rate.rest': 2e-2 });
  });

  it('ends where the data ends', async () => {
    await using result = await train({ ...toyRun(), data: toyData(5) });
    expect(result).toMatchObject({ updates: 5, reason: 'data' });
  });

  it('writes checkpoints, keeps the newest, and draws the curves', async () => {
    const dir = freshDir();
    const seen: number[] = [];
    await using _ = await train({
      ...toyRun(),
      step: toyStep({ ema: 0.9 }),
      dir,
      checkpointEvery: 4,
      keep: 2,
      onCheckpoint: (_dir, update) => void seen.push(update),
    });
    expect(seen).toEqual([4, 8, 12]);
    expect(checkpointsIn(dir)).toEqual(['step-00000008', 'step-00000012']);
    const newest = path.join(dir, 'checkpoints', 'step-00000012');
    expect(readdirSync(newest).sort()).toEqual([
      'averages.safetensors',
      'model.safetensors',
      'optimizer.safetensors',
      'state.json',
    ]);
    await using model = await openCheckpoint(path.join(newest, 'model.safetensors'));
    expect([...model.entries.keys()].sort()).toEqual(['a.bias', 'a.weight', 'b.bias', 'b.weight']);
    expect(readFileSync(path.join(dir, 'curves.svg'), 'utf8')).toMatch(/^<svg [\s\S]*loss[\s\S]*<\/svg>\n$/);
    expect(readdirSync(path.join(dir, 'tensorboard'))).toHaveLength(1);
    expect((await readMetrics(path.join(dir, 'metrics.jsonl'))).map(({ step }) => step)).toEqual(
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
  });

  it('refuses a directory with another run in it', async () => {
    const dir = freshDir();
    await (await train({ ...toyRun(), dir, updates: 2 })).dispose();
    await expect(train({ ...toyRun(), dir, resume: false })).rejects.toMatchObject({ code: 'RESUME' });
    await expect(train({ ...toyRun(), dir, seed: 5 })).rejects.toThrow(/has seed 0, asked for is 5/);
    const state = path.join(dir, 'checkpoints', 'step-00000002', 'state.json');
    writeFileSync(state, '{');
    await expect(train({ ...toyRun(), dir })).rejects.toMatchObject({ code: 'RESUME' });
  });

  it('averages accumulated batches, and an end of data in between counts for nothing', async () => {
    const step = toyStep({ accumulate: 3 });
    await using result = await train({ ...toyRun(), step, data: toyData(10) });
    expect(result).toMatchObject({ updates: 3, reason: 'data' });
    expect(result.last?.gradient_norm).toBeGreaterThan(0);
  });

  it('gives run-time scalars to the objective', async () => {
    const at = async (weight: number) => {
      await using result = await train({
        ...toyRun(),
        updates: 1,
        scalars: () => ({ 'weight.error': weight }),
      });
      return result.last ?? expect.fail();
    };
    const [one, half] = [await at(1), await at(0.5)];
    expect(half.loss).toBeCloseTo(one.loss / 2, 12);
    expect(half.error).toBe(one.error);
  });

  it('measures the loss on other data without learning from it', async () => {
    const dir = freshDir();
    const validation = { data: indexedData({ batch: (i) => toyBatch(100 + i) }), every: 4, batches: 3 };
    const validated = await outcome(await train({ ...toyRun(), dir, validation }));
    expect(validated).toEqual(await outcome(await train(toyRun())));
    const with_ = (await readMetrics(path.join(dir, 'metrics.jsonl'))).filter((r) => 'validation.loss' in r);
    expect(with_.map(({ step }) => step)).toEqual([4, 8, 12]);
  });
});

describe('a loss that is not a number', () => {
  const poisoned = (at: number) =>
    indexedData({
      batch: (index) =>
        index === at
          ? { ...toyBatch(index), x: tensor('f32', [4, 3], new Float32Array(12).fill(Number.NaN)) }
          : toyBatch(index),
    });

  it('stops the run, with the batch and the weights from before it', async () => {
    const dir = freshDir();
    const failing = train({ ...toyRun(), data: poisoned(6), dir });
    await expect(failing).rejects.toMatchObject({ code: 'NOT_FINITE' });
    await expect(failing).rejects.toThrow(/Update 7: the loss is NaN/);
    const failure = path.join(dir, 'failed-step-00000007');
    expect(JSON.parse(readFileSync(path.join(failure, 'failure.json'), 'utf8'))).toMatchObject({
      update: 7,
      before: 6,
      after: 7,
      figures: { loss: 'NaN' },
    });
    await using batch = await openCheckpoint(path.join(failure, 'batch-1.safetensors'));
    expect((await batch.read('x')).data[0]).toBeNaN();
    expect(checkpointsIn(dir)).toEqual(['step-00000006']);
    const good = await outcome(await train({ ...toyRun(), updates: 6 }));
    const resumed = await outcome(await train({ ...toyRun(), dir, updates: 6 }));
    expect(resumed).toEqual(good);
  });

  it('is left out and counted when told so', async () => {
    await using result = await train({ ...toyRun(), data: poisoned(6), nonFinite: 'skip' });
    expect(result).toMatchObject({ updates: 12, skipped: 1, reason: 'done' });
  });

  it('stops after all when every batch is like that', async () => {
    const always = indexedData({
      batch: () => ({ ...toyBatch(0), x: tensor('f32', [4, 3], new Float32Array(12).fill(Number.NaN)) }),
    });
    await expect(train({ ...toyRun(), data: always, nonFinite: 'skip' })).rejects.toMatchObject({
      code: 'NOT_FINITE',
    });
  });

  it('halves the loss scale when scaled gradients overflow, and goes on', async () => {
    // The scaled loss overflows f32 in the comparison with its largest number; the loss itself is finite.
    await using result = await train({
      ...toyRun(),
      step: toyStep({ lossScaling: true }),
      lossScale: { initial: 2 ** 130, growthInterval: 4 },
    });
    expect(result.updates).toBe(12);
    expect(result.skipped).toBeGreaterThan(0);
    expect(result.last?.loss_scale).toBeLessThan(2 ** 130);
  });
});
