import { MessageChannel } from 'node:worker_threads';
import { EmuError, tensor } from '@emu-ts/base';
import { add, graphOf, input, interpret, matmul, sum, tensorType, updateSlice } from '@emu-ts/graph';
import * as nn from '@emu-ts/nn';
import { expectClose, randomInputs, runOnce } from '@emu-ts/testing';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OnnxExecutor, onnx } from '../index.js';
import { serveOnnx, type WorkerLike } from './index.js';

const f32 = (...shape: number[]) => tensorType('f32', shape);
const x = input('x', f32(3, 4));
const w = input('w', f32(5, 4));
const linear = graphOf({ y: nn.linearOp({ x, weight: w }, {}).y });

/** Products that keep both cores busy for a while. */
const heavy = (times: number) => {
  const square = input('square', f32(700, 700));
  const y = Array.from({ length: times }).reduce<typeof square>((a) => add(matmul(a, square), 1), square);
  return { graph: graphOf({ y: sum(y) }), tensors: randomInputs({ square }) };
};

describe('in a thread of Node', () => {
  let executor: OnnxExecutor;
  beforeAll(async () => {
    executor = await onnx({ worker: true });
  });
  afterAll(() => executor.dispose());

  it('computes the same', async () => {
    const tensors = randomInputs({ x, w });
    const { y } = await runOnce(executor, linear, tensors, ['w']);
    expectClose('worker', y, interpret(linear, tensors).y, { terms: 4 });
    expect(tensors.x.data.length).toBe(12); // the caller's arrays were copied, not moved
  });

  it('leaves the event loop free', async () => {
    const { graph, tensors } = heavy(60);
    await using program = await executor.compile(graph);
    let [last, longest] = [performance.now(), 0];
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }, 1);
    const start = performance.now();
    const { y } = await program.run(tensors);
    const elapsed = performance.now() - start;
    clearInterval(timer);
    y.dispose();
    expect(longest).toBeLessThan(elapsed / 2);
  });

  it('stops waiting when aborted, and is usable again', async () => {
    const { graph, tensors } = heavy(60);
    await using program = await executor.compile(graph);
    const before = await executor.holdings();
    const start = performance.now();
    const run = program.run(tensors, { signal: AbortSignal.timeout(20) });
    await expect(run).rejects.toThrow(/timeout/);
    const waited = performance.now() - start;
    await executor.holdings(); // answered when the run that was given up has ended
    expect(waited).toBeLessThan(performance.now() - start);
    expect(await executor.holdings()).toEqual(before); // its result has been dropped
    const { y } = await program.run(tensors);
    y.dispose();
  });

  it('keeps state in the worker and writes it in place', async () => {
    const cache = input('cache', f32(4, 3));
    const row = input('row', f32(1, 3));
    const at = input('at', tensorType('i32', []));
    const graph = graphOf({ cache: updateSlice(cache, row, at, 0) });
    await using program = await executor.compile(graph, { donate: { cache: 'cache' } });
    const ones = tensor('f32', [1, 3], [1, 1, 1]);
    const state = await executor.upload(tensor('f32', [4, 3]));
    const first = await program.run({ cache: state, row: ones, at: tensor('i32', [], [2]) });
    const second = await program.run({ ...first, row: ones, at: tensor('i32', [], [0]) });
    expect((await second.cache.read()).data).toEqual(Float32Array.from([1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0]));
    second.cache.dispose();
  });

  it('passes typed errors on', async () => {
    await using program = await executor.compile(linear, { weights: { w: tensor('f32', [5, 4]) } });
    const table = input('table', f32(3, 2));
    const ids = input('ids', tensorType('i32', [1]));
    await using gather = await executor.compile(
      graphOf({ y: nn.embeddingOp({ ids, weight: table }, { dtype: 'f32' }).y }),
    );
    const inputs = { table: tensor('f32', [3, 2]), ids: tensor('i32', [1], [77]) };
    const error = await gather.run(inputs).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(EmuError);
    expect(error).toMatchObject({ code: 'ONNX_RUNTIME', message: expect.stringContaining('77') });
    await expect(program.run({})).rejects.toMatchObject({ code: 'INPUTS' });
  });

  it('does not grow with use', async () => {
    await using program = await executor.compile(linear, { weights: { w: tensor('f32', [5, 4]) } });
    const before = await executor.holdings();
    for (let i = 0; i < 50; i++) {
      const { y } = await program.run(randomInputs({ x }));
      await y.read();
      y.dispose();
    }
    expect(await executor.holdings()).toEqual(before);
  });
});

it('rejects what is waiting when the worker dies', async () => {
  const listeners: Record<string, (event: never) => void> = {};
  const worker: WorkerLike = {
    postMessage: () => {},
    addEventListener: (type, listener) => {
      listeners[type] = listener;
    },
  };
  const starting = onnx({ worker });
  await Promise.resolve();
  listeners.message({ data: { id: 0, value: undefined } } as never);
  const executor = await starting;
  const upload = executor.upload(tensor('f32', [1]));
  listeners.error({ message: 'out of memory' } as never);
  for (const late of [upload, executor.upload(tensor('f32', [1]))])
    await expect(late).rejects.toMatchObject({
      code: 'WORKER_FAILED',
      message: expect.stringContaining('out of memory'),
    });
});

describe('a worker that cannot start', () => {
  it('says which module is missing', async () => {
    await expect(onnx({ worker: true, ort: 'onnxruntime-missing' })).rejects.toMatchObject({
      code: 'ONNX_RUNTIME_MISSING',
      message: expect.stringContaining('npm install onnxruntime-missing'),
    });
  });

  it('cannot be given a module', async () => {
    await expect(onnx({ worker: true, ort })).rejects.toMatchObject({ code: 'WORKER' });
  });
});

it('refuses work after it has been disposed', async () => {
  const executor = await onnx({ worker: true });
  const device = await executor.upload(tensor('f32', [1]));
  const program = await executor.compile(linear, { weights: { w: tensor('f32', [5, 4]) } });
  const pending = program.run(randomInputs({ x }));
  await executor.dispose();
  (await pending).y.dispose();
  const late = [device.read(), executor.compile(linear), program.run(randomInputs({ x }))];
  for (const { reason } of (await Promise.allSettled(late)) as PromiseRejectedResult[])
    expect(reason).toMatchObject({ code: 'DISPOSED' });
});

/** A Web Worker as the page sees it, and the scope its script runs in: two ends of a channel. */
it('speaks to a worker whose script calls serveOnnx', async () => {
  const { port1, port2 } = new MessageChannel();
  const executorEnd = onnx({ worker: port1 as unknown as WorkerLike });
  port1.start();
  serveOnnx(ort, {}, port2 as unknown as WorkerLike);
  port2.start();
  const executor = await executorEnd;
  const tensors = randomInputs({ x, w });
  const { y } = await runOnce(executor, linear, tensors, ['w']);
  expectClose('web worker', y, interpret(linear, tensors).y, { terms: 4 });
  await executor.dispose();
  port1.close();
});
