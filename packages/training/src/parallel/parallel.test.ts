import { Worker } from 'node:worker_threads';
import { tensor } from '@emu-ts/base';
import { expectClose } from '@emu-ts/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { checkpointsIn, freshDirs, outcome, toyRun } from '../../test/runs.js';
import { toyBatch, toyData, toyStep } from '../../test/toy.js';
import { indexedData } from '../data/indexed.js';
import { train } from '../loop/train.js';
import { serveGradients } from './serve.js';

const freshDir = freshDirs();
const running: Worker[] = [];
const script = new URL('../../test/worker.ts', import.meta.url).href;
// The sources are TypeScript: a worker of the test has to learn to read them first.
const bootstrap = `import('tsx/esm/api').then(({ register }) => { register(); return import('${script}'); });`;
const start = (count: number) => {
  const options = { eval: true, execArgv: ['--conditions=@emu-ts/source'] };
  const workers = Array.from({ length: count }, () => new Worker(bootstrap, options));
  running.push(...workers);
  return workers;
};
afterEach(() => Promise.all(running.splice(0).map((worker) => worker.terminate())));

const options = () => ({ ...toyRun(), step: toyStep({ accumulate: 4 }), updates: 5 });

describe('data-parallel workers', () => {
  it('make the same updates whatever their number, and as one process does', async () => {
    const [one, three] = [
      await outcome(await train({ ...options(), workers: start(1) })),
      await outcome(await train({ ...options(), workers: start(3) })),
    ];
    expect(three).toEqual(one);
    const alone = await outcome(await train(options()));
    for (const [name, values] of Object.entries(alone)) {
      const whole = (numbers: number[]) => tensor('f64', [numbers.length], Float64Array.from(numbers));
      // Gradients cross threads as f32; the first moments they make are small sums of them.
      expectClose(`parallel ${name}`, whole(one[name]), whole(values), { dtype: 'f32', terms: 4, depth: 5 });
    }
  });

  it('stop and go on as one process does, with another number of workers', async () => {
    const dir = freshDir();
    await (await train({ ...options(), dir, updates: 2, workers: start(2) })).dispose();
    const resumed = await outcome(await train({ ...options(), dir, workers: start(1) }));
    expect(resumed).toEqual(await outcome(await train({ ...options(), workers: start(2) })));
    expect(checkpointsIn(dir)).toEqual(['step-00000002', 'step-00000005']);
  });

  it('end with the data', async () => {
    await using result = await train({ ...options(), workers: start(2), data: toyData(10) });
    expect(result).toMatchObject({ updates: 2, reason: 'data' });
  });

  it('say which batch is not a number', async () => {
    const bad = { ...toyBatch(0), x: tensor('f32', [4, 3], new Float32Array(12).fill(Number.NaN)) };
    const data = indexedData({ batch: (i) => (i === 5 ? bad : toyBatch(i)) });
    await expect(train({ ...options(), workers: start(2), data })).rejects.toMatchObject({
      code: 'NOT_FINITE',
    });
  });

  it('do not keep an aborted run waiting', async () => {
    const stopper = new AbortController();
    const silent = { postMessage: () => {}, on: () => {} };
    const waiting = train({ ...options(), workers: [silent], signal: stopper.signal });
    setTimeout(() => stopper.abort(), 20);
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('fail as typed errors', async () => {
    const misshapen = indexedData({ batch: () => ({ x: tensor('f32', [4, 2]), y: toyBatch(0).y }) });
    await expect(train({ ...options(), workers: start(1), data: misshapen })).rejects.toMatchObject({
      code: 'WORKER',
    });
    const dead = start(1);
    const dying = train({
      ...options(),
      updates: 1e6,
      workers: dead,
      onUpdate: () => void dead[0].terminate(),
    });
    await expect(dying).rejects.toThrow(/A worker ended with code 1/);
    await expect(train({ ...options(), workers: [] })).rejects.toMatchObject({ code: 'WORKER' });
    await expect(serveGradients(async () => expect.fail())).rejects.toMatchObject({ code: 'WORKER' });
  });
});
