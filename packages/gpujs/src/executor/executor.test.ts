import { convert, type HostTensor, tensor } from '@emu-ts/base';
import {
  add,
  cast,
  exp,
  gather,
  graphOf,
  input,
  interpret,
  interpreter,
  matmul,
  mul,
  reshape,
  slice,
  sum,
  swapLast,
  tensorType,
  updateSlice,
} from '@emu-ts/graph';
import { expectClose, randomInputs } from '@emu-ts/testing';
import { GPU } from 'gpu.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GpujsExecutor, type GpujsTensor, gpujs, type Mode } from '../index.js';

const f32 = (...shape: number[]) => tensorType('f32', shape);
const numbers = async (t: GpujsTensor) => [...((await t.read()).data as Float32Array)];
const host = (shape: number[], values: number[]) => tensor('f32', shape, values);

describe.each<Mode>(['cpu', 'wasm'])('executor in mode %s', (mode) => {
  let executor: GpujsExecutor;
  beforeEach(async () => {
    executor = await gpujs({ mode });
  });
  afterEach(() => executor.dispose());

  const double = () => graphOf({ y: mul(input('x', f32(3)), 2) });
  const linear = () => {
    const [x, weight] = [input('x', f32(2, 3)), input('weight', f32(4, 3))];
    return graphOf({ y: matmul(x, swapLast(weight)) });
  };

  it('keeps weights for every program, wherever they come from', async () => {
    const tensors = randomInputs({ x: f32(2, 3), weight: f32(4, 3) });
    const expected = interpret(linear(), tensors).y;
    const shared = await executor.upload(tensors.weight);
    const programs = [
      await executor.compile(linear(), { weights: { weight: shared } }),
      await executor.compile(linear(), { weights: { weight: shared, unused: host([1], [1]) } }),
      await executor.compile(linear(), { weights: { weight: tensors.weight } }),
    ];
    expect(executor.holdings().buffers).toBe(2);
    shared.dispose();
    for (const program of programs) {
      expect(Object.keys(program.inputs)).toEqual(['x']);
      const { y } = await program.run({ x: tensors.x });
      expectClose('weights', await y.read(), expected, { terms: 3 });
      y.dispose();
      await program.dispose();
    }
    expect(executor.holdings().buffers).toBe(0);
  });

  it('reads a transposed weight where it lies', async () => {
    const program = await executor.compile(linear());
    expect(program.plan()).toBe(`1 kernel calls in mode ${mode}: prim.matmul ×1`);
  });

  it('hands donated state back and consumes what was given', async () => {
    const cache = input('cache', f32(4, 2));
    const start = input('start', tensorType('i32', []));
    const next = updateSlice(cache, input('row', f32(1, 2)), start, 0);
    const program = await executor.compile(graphOf({ next, total: sum(next) }), {
      donate: { cache: 'next' },
    });
    let state = await executor.upload(tensor('f32', [4, 2]));
    for (let i = 0; i < 4; i++) {
      const given = { cache: state, row: host([1, 2], [i, i + 1]), start: tensor('i32', [], [i]) };
      const results = await program.run(given);
      await expect(state.read()).rejects.toMatchObject({ code: 'DISPOSED' });
      state = results.next;
      results.total.dispose();
      expect(executor.holdings().buffers).toBe(1);
    }
    expect(await numbers(state)).toEqual([0, 1, 1, 2, 2, 3, 3, 4]);
    const outside = { cache: state, row: host([1, 2], [0, 0]), start: tensor('i32', [], [4]) };
    await expect(program.run(outside)).rejects.toMatchObject({ code: 'INDEX' });
    expect(await numbers(state)).toEqual([0, 1, 1, 2, 2, 3, 3, 4]);
  });

  it('rounds half-precision state between runs, as the interpreter does', async () => {
    const state = input('state', tensorType('f16', [2]));
    const graph = graphOf({ next: mul(state, 1.001) });
    const given = convert(host([2], [1, 3.3]), 'f16');
    const run = async (device: GpujsExecutor | ReturnType<typeof interpreter>) => {
      const program = await device.compile(graph, { donate: { state: 'next' } });
      let current = await device.upload(given);
      for (let i = 0; i < 5; i++) current = (await program.run({ state: current })).next;
      return current.read();
    };
    expect(await run(executor)).toEqual(await run(interpreter()));
  });

  it('never shares an array with its caller', async () => {
    const x = input('x', f32(4));
    const program = await executor.compile(graphOf({ same: x, view: reshape(x, [2, 2]) }));
    const given = host([4], [1, 2, 3, 4]);
    const uploaded = await executor.upload(given);
    const fromHost = await program.run({ x: given });
    const fromDevice = await program.run({ x: uploaded });
    given.data.fill(0);
    uploaded.dispose();
    for (const { same, view } of [fromHost, fromDevice]) {
      expect(await numbers(same)).toEqual([1, 2, 3, 4]);
      ((await view.read()).data as Float32Array).fill(9);
      expect(await numbers(view)).toEqual([1, 2, 3, 4]);
    }
  });

  it('lists everything that is wrong with the inputs', async () => {
    const program = await executor.compile(linear(), { weights: { weight: tensor('f32', [4, 3]) } });
    const given = { x: tensor('f32', [3, 2]), weight: tensor('f32', [4, 3]), other: tensor('f32', []) };
    await expect(program.run(given)).rejects.toMatchObject({
      code: 'INPUTS',
      message: expect.stringMatching(/'x' must be f32\[2,3\], got f32\[3,2\].*'weight' is a weight.*'other'/),
    });
    await expect(program.run({})).rejects.toThrow("'x' (f32[2,3]) is missing");
    const weight = tensor('f32', [3, 4]);
    await expect(executor.compile(linear(), { weights: { weight } })).rejects.toMatchObject({
      code: 'WEIGHTS',
    });
    const donate = { x: 'y', nothing: 'y' };
    await expect(executor.compile(linear(), { donate })).rejects.toMatchObject({ code: 'DONATION' });
  });

  it('refuses tensors that are gone or live elsewhere', async () => {
    const program = await executor.compile(double());
    const x = await executor.upload(host([3], [1, 2, 3]));
    x.dispose();
    x.dispose();
    await expect(program.run({ x })).rejects.toMatchObject({ code: 'DISPOSED' });
    const foreign = await interpreter().upload(host([3], [1, 2, 3]));
    await expect(program.run({ x: foreign })).rejects.toMatchObject({ code: 'FOREIGN_TENSOR' });
    await using other = await gpujs({ mode });
    const theirs = await other.upload(host([3], [1, 2, 3]));
    await expect(program.run({ x: theirs })).rejects.toMatchObject({ code: 'FOREIGN_TENSOR' });
    const twice = graphOf({ a: add(input('x', f32(3)), 1), b: add(input('y', f32(3)), 1) });
    const donor = await executor.compile(twice, { donate: { x: 'a', y: 'b' } });
    const both = await executor.upload(host([3], [1, 2, 3]));
    await expect(donor.run({ x: both, y: both })).rejects.toMatchObject({ code: 'DONATION' });
    expect(await numbers(both)).toEqual([1, 2, 3]);
    await program.dispose();
    await expect(program.run({ x: host([3], [1, 2, 3]) })).rejects.toMatchObject({ code: 'DISPOSED' });
    await executor.dispose();
    await expect(both.read()).rejects.toMatchObject({ code: 'DISPOSED' });
    await expect(executor.upload(host([3], [1, 2, 3]))).rejects.toMatchObject({ code: 'DISPOSED' });
    await expect(executor.compile(double())).rejects.toMatchObject({ code: 'DISPOSED' });
  });

  it('refuses numbers that f32 cannot hold', async () => {
    const x = input('x', tensorType('i32', [2]));
    const program = await executor.compile(graphOf({ y: mul(x, x) }));
    const ints = (values: number[]) => tensor('i32', [2], values);
    const edge = await program.run({ x: ints([4096, -4096]) });
    expect([...(await edge.y.read()).data]).toEqual([2 ** 24, 2 ** 24]);
    await expect(program.run({ x: ints([4097, 0]) })).rejects.toMatchObject({ code: 'INTEGER_RANGE' });
    await expect(program.run({ x: ints([0, 2 ** 24 + 1]) })).rejects.toMatchObject({ code: 'INTEGER_RANGE' });
    await expect(executor.upload(tensor('i64', [1], [2 ** 31]))).rejects.toMatchObject({
      code: 'INTEGER_RANGE',
    });
    const exact = graphOf({ y: exp(cast(input('x', f32(1)), 'f64')) });
    await expect(executor.compile(exact)).rejects.toMatchObject({ code: 'UNSUPPORTED_DTYPE' });
  });

  it('checks indices before any kernel reads by them', async () => {
    const table = input('table', f32(5, 2));
    const program = await executor.compile(
      graphOf({ y: gather(table, input('ids', tensorType('i32', [2]))) }),
    );
    for (const ids of [
      [0, 5],
      [-1, 0],
    ]) {
      const given = { table: tensor('f32', [5, 2]), ids: tensor('i32', [2], ids) };
      await expect(program.run(given)).rejects.toMatchObject({ code: 'INDEX' });
    }
    expect(executor.holdings().buffers).toBe(0);
  });

  it('stops between kernels when aborted, and leaves state as it was', async () => {
    let y = input('x', f32(200, 200));
    for (let i = 0; i < 60; i++) y = mul(matmul(y, y), 1e-3);
    const program = await executor.compile(graphOf({ y }), { donate: { x: 'y' } });
    const x = await executor.upload(tensor('f32', [200, 200]));
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 30);
    await expect(program.run({ x }, { signal: stop.signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(executor.holdings().buffers).toBe(1);
    expect((await x.read()).shape).toEqual([200, 200]);
    const aborted = { signal: AbortSignal.abort() };
    await expect(program.run({ x }, aborted)).rejects.toMatchObject({ name: 'AbortError' });
    await expect(executor.compile(linear(), aborted)).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('holds as much after 50 runs as after one', async () => {
    const program = await executor.compile(linear(), { weights: { weight: tensor('f32', [4, 3]) } });
    const once = async (): Promise<HostTensor> => {
      const { y } = await program.run({ x: host([2, 3], [1, 2, 3, 4, 5, 6]) });
      const read = await y.read();
      y.dispose();
      return read;
    };
    const first = await once();
    const before = executor.holdings();
    for (let i = 0; i < 50; i++) expect(await once()).toEqual(first);
    expect(executor.holdings()).toEqual(before);
  });
});

describe('mode wasm', () => {
  it('refuses tensors whose positions f32 cannot tell apart', async () => {
    await using executor = await gpujs({ mode: 'wasm' });
    const x = input('x', f32(2 ** 24 + 1));
    const program = await executor.compile(graphOf({ y: slice(x, 0, 0, 1) }));
    const given = { x: tensor('f32', [2 ** 24 + 1]) };
    await expect(program.run(given)).rejects.toMatchObject({ code: 'TENSOR_SIZE' });
    await using plain = await gpujs({ mode: 'cpu' });
    const { y } = await (await plain.compile(graphOf({ y: slice(x, 0, 2 ** 24, 2 ** 24 + 1) }))).run(given);
    expect(await numbers(y)).toEqual([0]);
  });
});

describe('gpujs', () => {
  it('uses an instance that it is given, and leaves it running', async () => {
    const gpu = new GPU({ mode: 'cpu' });
    const executor = await gpujs({ gpu });
    expect(executor.mode).toBe('cpu');
    const program = await executor.compile(graphOf({ y: mul(input('x', f32(2)), 3) }));
    expect(await numbers((await program.run({ x: host([2], [1, 2]) })).y)).toEqual([3, 6]);
    await executor.dispose();
    expect(gpu).toMatchObject({ kernels: [] });
    const own = gpu.createKernel('function () { return 1; }', { output: [1] });
    expect(own()).toEqual(Float32Array.of(1));
  });

  it('takes the module, and says when a mode is not to be had', async () => {
    await using executor = await gpujs({ gpu: { GPU } });
    expect(executor.mode).toBe('cpu');
    await expect(gpujs({ mode: 'webgl' })).rejects.toMatchObject({ code: 'UNSUPPORTED_MODE' });
    const gpu = new GPU({ mode: 'cpu' });
    await expect(gpujs({ gpu, mode: 'wasm' })).rejects.toThrow("mode 'cpu', wanted webasm");
  });
});
