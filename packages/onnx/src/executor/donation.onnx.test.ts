import { type EmuError, type HostTensor, tensor } from '@emu-ts/base';
import {
  add,
  type DeviceTensor,
  gradients,
  graphOf,
  input,
  interpret,
  mean,
  mul,
  sub,
  sum,
  tensorType,
  updateSlice,
  type Value,
} from '@emu-ts/graph';
import * as nn from '@emu-ts/nn';
import { expectClose, randomInputs } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create } from '../../test/kit.js';
import type { OnnxExecutor } from '../index.js';

const f32 = (...shape: number[]) => tensorType('f32', shape);
const scalar = (n: number) => tensor('i32', [], [n]);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'nothing thrown',
    (error) => (error as EmuError).code,
  );

let executor: OnnxExecutor;
beforeAll(async () => {
  executor = await create();
});
afterAll(() => executor.dispose());

/** A cache [2 3 7 5] that takes one row per head and is read as it was and as it becomes. */
describe('a cache that grows a slice per run', () => {
  const cache = input('cache', f32(2, 3, 7, 5));
  const row = input('row', f32(2, 3, 1, 5));
  const at = input('at', tensorType('i32', []));
  const next = updateSlice(cache, mul(row, 2), at, 2);
  const graph = graphOf({ cache: next, before: sum(cache), after: sum(next, 2) });
  const program = () => executor.compile(graph, { donate: { cache: 'cache' } });

  it('is written in place, at every position', async () => {
    await using compiled = await program();
    let state: DeviceTensor = await executor.upload(tensor('f32', cache.shape));
    let expected: HostTensor = tensor('f32', cache.shape);
    const holdings = await executor.holdings();
    for (const position of [0, 1, 4, 6, 4]) {
      const inputs = { ...randomInputs({ row }, {}, position + 1), at: scalar(position) };
      const wanted = interpret(graph, { ...inputs, cache: expected });
      const results = await compiled.run({ ...inputs, cache: state });
      for (const name of ['cache', 'before', 'after'])
        expectClose(`${name} at ${position}`, await results[name].read(), wanted[name], { terms: 210 });
      expect(await codeOf(state.read())).toBe('DISPOSED');
      state = results.cache;
      expected = wanted.cache;
      results.before.dispose();
      results.after.dispose();
      expect(await executor.holdings()).toEqual(holdings);
    }
    state.dispose();
  });

  it('stays the caller’s when the run fails or is aborted', async () => {
    await using compiled = await program();
    const state = await executor.upload(tensor('f32', cache.shape));
    const inputs = randomInputs({ row });
    const holdings = await executor.holdings();
    expect(await codeOf(compiled.run({ ...inputs, at: scalar(7), cache: state }))).toBe('ONNX_RUNTIME');
    const control = new AbortController();
    const run = compiled.run({ ...inputs, at: scalar(1), cache: state }, { signal: control.signal });
    expect(await codeOf(state.read())).toBe('DISPOSED'); // lent to the run
    control.abort();
    await expect(run).rejects.toThrow('aborted');
    expect(new Set((await state.read()).data as Float32Array)).toEqual(new Set([0]));
    expect(await executor.holdings()).toEqual(holdings);
    state.dispose();
  });

  it('refuses a position outside it when only the slice is computed', async () => {
    await using compiled = await executor.compile(graphOf({ cache: next }), { donate: { cache: 'cache' } });
    using state = await executor.upload(tensor('f32', cache.shape));
    const inputs = randomInputs({ row });
    for (const position of [-1, 7])
      expect(await codeOf(compiled.run({ ...inputs, at: scalar(position), cache: state }))).toBe('INDEX');
    expect(new Set((await state.read()).data as Float32Array)).toEqual(new Set([0]));
  });

  it('never writes into the caller’s own array', async () => {
    await using compiled = await program();
    const host = tensor('f32', cache.shape);
    const results = await compiled.run({ ...randomInputs({ row }), at: scalar(3), cache: host });
    expect(new Set(host.data)).toEqual(new Set([0]));
    expect((await results.cache.read()).data.some((v) => v !== 0)).toBe(true);
    for (const result of Object.values(results)) result.dispose();
  });

  it('frees a state that is disposed while it is lent', async () => {
    await using compiled = await program();
    const before = await executor.holdings();
    const state = await executor.upload(tensor('f32', cache.shape));
    const run = compiled.run({ ...randomInputs({ row }), at: scalar(7), cache: state });
    state.dispose();
    await expect(run).rejects.toThrow();
    expect(await executor.holdings()).toEqual(before);
  });
});

it('keeps half-precision caches in half precision', async () => {
  const cache = input('cache', tensorType('f16', [3, 4]));
  const row = input('row', tensorType('f16', [1, 4]));
  const at = input('at', tensorType('i32', []));
  const graph = graphOf({ next: updateSlice(updateSlice(cache, row, at, 0), row, add(at, 1), 0) });
  await using compiled = await executor.compile(graph, { donate: { cache: 'next' } });
  const values = tensor('f16', [1, 4], [1, 2, 3, 4]);
  const { next } = await compiled.run({ cache: tensor('f16', [3, 4]), row: values, at: scalar(1) });
  expect(await next.read()).toEqual(tensor('f16', [3, 4], [0, 0, 0, 0, 1, 2, 3, 4, 1, 2, 3, 4]));
  next.dispose();
});

describe('what cannot be donated', () => {
  const x = input('x', f32(2));
  const graph = graphOf({
    y: add(x, 1),
    z: add(input('w', f32(2)), 1),
    i: input('n', tensorType('i32', [])),
  });

  it.each([
    [{ q: 'y' }, "no input 'q'"],
    [{ x: 'q' }, "no output 'q'"],
    [{ x: 'i' }, "input 'x' is f32[2], output 'i' is i32[]"],
    [{ x: 'y', w: 'y' }, "output 'y' would take the place of several inputs"],
  ])('%o', async (donate, message) => {
    await expect(executor.compile(graph, { donate })).rejects.toThrow(message);
  });

  it('is one tensor as two inputs', async () => {
    await using compiled = await executor.compile(graph, { donate: { x: 'y', w: 'z' } });
    using both = await executor.upload(tensor('f32', [2]));
    expect(await codeOf(compiled.run({ x: both, w: both, n: scalar(0) }))).toBe('DONATION');
    expect(await codeOf(both.read())).toBe('nothing thrown');
  });
});

/** Loss, gradients and the update of a two-layer perceptron in one program, parameters in and out. */
it('trains a small perceptron as one program', async () => {
  const [rows, width, hidden] = [9, 5, 11];
  const data = { x: f32(rows, width), target: f32(rows, 3) };
  const shapes = { w1: f32(hidden, width), b1: f32(hidden), w2: f32(3, hidden), b2: f32(3) };
  const values = Object.fromEntries(
    Object.entries({ ...data, ...shapes }).map(([name, type]) => [name, input(name, type)]),
  ) as Record<keyof typeof data | keyof typeof shapes, Value>;
  const h = nn.gelu(nn.linearOp({ x: values.x, weight: values.w1, bias: values.b1 }, {}).y);
  const error = sub(nn.linearOp({ x: h, weight: values.w2, bias: values.b2 }, {}).y, values.target);
  const loss = mean(mul(error, error));
  const names = Object.keys(shapes) as (keyof typeof shapes)[];
  const slopes = gradients(
    loss,
    names.map((name) => values[name]),
  );
  const stepped = Object.fromEntries(
    names.map((name, i) => [`${name}'`, sub(values[name], mul(slopes[i], 0.1))]),
  );
  const graph = graphOf({ loss, ...stepped });
  const donate = Object.fromEntries(names.map((name) => [name, `${name}'`]));
  await using program = await executor.compile(graph, { donate });

  const start = randomInputs(shapes);
  let expected: Record<string, HostTensor> = start;
  let params: Record<string, DeviceTensor> = {};
  for (const name of names) params[name] = await executor.upload(start[name]);
  const batch = randomInputs(data, {}, 3);
  const holdings = await executor.holdings();
  const losses: number[] = [];
  for (let step = 0; step < 10; step++) {
    const wanted = interpret(graph, { ...batch, ...expected });
    const results = await program.run({ ...batch, ...params });
    const host = await results.loss.read();
    losses.push((host.data as Float32Array)[0]);
    results.loss.dispose();
    expectClose(`loss ${step}`, host, wanted.loss, { terms: rows, depth: 4 * (step + 1) });
    params = Object.fromEntries(names.map((name) => [name, results[`${name}'`]]));
    expected = Object.fromEntries(names.map((name) => [name, wanted[`${name}'`]]));
    for (const name of names)
      expectClose(`${name} ${step}`, await params[name].read(), expected[name], {
        terms: rows,
        depth: 4 * (step + 1),
      });
    expect(await executor.holdings()).toEqual(holdings);
  }
  expect(losses[9]).toBeLessThan(losses[0] / 2);
});
