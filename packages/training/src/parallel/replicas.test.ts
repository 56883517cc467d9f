import { tensor, toF64 } from '@emu-ts/base';
import { type Executor, interpreter } from '@emu-ts/graph';
import { expectClose } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { freshDirs, outcome, toyRun } from '../../test/runs.js';
import { toyBatch, toyOptimizer, toyStep, toyWeights } from '../../test/toy.js';
import { indexedData } from '../data/indexed.js';
import { train } from '../loop/train.js';

const freshDir = freshDirs();
const replicas = (count: number) => Array.from({ length: count }, () => interpreter());
const options = () => ({ ...toyRun(), step: toyStep({ accumulate: 4 }), updates: 5 });

/** An executor that counts what it holds: uploads and programs that nobody has let go of. */
function counting(): Executor & { held: number; most: number } {
  const inner = interpreter();
  const counted = <T extends { dispose(): unknown }>(what: T): T => {
    executor.held++;
    executor.most = Math.max(executor.most, executor.held);
    const { dispose } = what;
    what.dispose = () => {
      executor.held--;
      return dispose.call(what);
    };
    return what;
  };
  const executor: Executor & { held: number; most: number } = {
    ...inner,
    held: 0,
    most: 0,
    upload: async (host, call) => counted(await inner.upload(host, call)),
    compile: async (graph, call) => counted(await inner.compile(graph, call)),
  };
  return executor;
}

describe('replicas', () => {
  it('make the same updates whatever their number, and as one executor does', async () => {
    const [one, three] = [
      await outcome(await train({ ...options(), replicas: replicas(1) })),
      await outcome(await train({ ...options(), replicas: replicas(3) })),
    ];
    expect(three).toEqual(one);
    const alone = await outcome(await train(options()));
    for (const [name, values] of Object.entries(alone)) {
      const whole = (numbers: number[]) => tensor('f64', [numbers.length], Float64Array.from(numbers));
      // Gradients are added in f32 here; the first moments they make are small sums of them.
      expectClose(`replicas ${name}`, whole(one[name]), whole(values), { dtype: 'f32', terms: 4, depth: 5 });
    }
  });

  it('take up a run that one executor began, and the other way round', async () => {
    const dir = freshDir();
    await (await train({ ...options(), dir, updates: 2 })).dispose();
    await (await train({ ...options(), dir, updates: 4, replicas: replicas(2) })).dispose();
    await using result = await train({ ...options(), dir });
    expect(result).toMatchObject({ updates: 5, reason: 'done' });
  });

  it('train rows of a table and leave the others', async () => {
    const rows = { 'b.weight': 1 };
    const toyStart = [...toF64(await toyWeights().read('b.weight'))];
    const step = () => toyStep({ optimizer: { ...toyOptimizer, rows }, accumulate: 2 });
    const run = (more: object) => train({ ...options(), step: step(), ...more });
    const [alone, two] = [await outcome(await run({})), await outcome(await run({ replicas: replicas(2) }))];
    expect(alone['b.weight'].slice(0, 8)).toEqual(toyStart.slice(0, 8));
    expect(two['b.weight'].slice(0, 8)).toEqual(toyStart.slice(0, 8));
    expect(two['b.weight'].slice(8)).not.toEqual(toyStart.slice(8));
  });

  it('let go of everything, also when they fail or are stopped', async () => {
    const executor = counting();
    await (await train({ ...options(), replicas: [executor] })).dispose();
    expect(executor.held).toBe(0);
    expect(executor.most).toBeGreaterThan(4);

    let room = 2;
    const full: Executor = {
      ...executor,
      upload: async (host, call) => {
        if (room-- === 0) throw new Error('full');
        return executor.upload(host, call);
      },
    };
    await expect(train({ ...options(), replicas: [full] })).rejects.toThrow('full');
    expect(executor.held).toBe(0);

    const bad = { ...toyBatch(0), x: tensor('f32', [4, 3], new Float32Array(12).fill(Number.NaN)) };
    const data = indexedData({ batch: (i) => (i === 5 ? bad : toyBatch(i)) });
    const failing = train({ ...options(), replicas: [executor], data });
    await expect(failing).rejects.toMatchObject({ code: 'NOT_FINITE' });
    expect(executor.held).toBe(0);

    const stopper = new AbortController();
    const stopped = train({
      ...options(),
      replicas: [executor],
      signal: stopper.signal,
      onUpdate: () => stopper.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    expect(executor.held).toBe(0);
  });

  it('are refused as none, and beside workers', async () => {
    await expect(train({ ...options(), replicas: [] })).rejects.toMatchObject({ code: 'WORKER' });
    const both = train({ ...options(), replicas: replicas(1), workers: [] });
    await expect(both).rejects.toThrow(/Both workers and replicas/);
  });
});
