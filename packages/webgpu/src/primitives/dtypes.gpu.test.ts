import { random, tensor } from '@emu-ts/base';
import {
  add,
  argmax,
  broadcast,
  cast,
  concat,
  div,
  equal,
  gather,
  graphOf,
  input,
  iota,
  less,
  matmul,
  max,
  maxReduce,
  mul,
  pad,
  reshape,
  slice,
  sub,
  sum,
  tanh,
  tensorType,
  transpose,
  updateSlice,
  type Value,
  where,
} from '@emu-ts/graph';
import { describeGpu, expectEqual, randomInputs } from '@emu-ts/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type WebGpuExecutor, webgpu } from '../index.js';

/** Stored types that the device packs into words, random shapes, and the tiles of the matrix ladder. */
let gpu: WebGpuExecutor;

describeGpu('stored types and shapes', () => {
  beforeAll(async () => {
    gpu = await webgpu();
  });
  afterAll(() => gpu?.dispose());

  it.each(['f16', 'bf16'] as const)('computes in f32 with %s stored', async (dtype) => {
    const types = {
      x: tensorType(dtype, [3, 5]),
      y: tensorType(dtype, [3, 5]),
      row: tensorType(dtype, [1, 5]),
    };
    const [x, y, row] = Object.entries(types).map(([name, type]) => input(name, type));
    const at = input('at', tensorType('i32', []));
    const outputs: Record<string, Value> = {
      wide: cast(x, 'f32'),
      product: mul(x, y),
      row: add(x, slice(y, 0, 1, 2)),
      tanh: tanh(x),
      turned: transpose(x, [1, 0]),
      updated: updateSlice(x, row, at, 0),
      matrix: matmul(x, transpose(y, [1, 0])),
      joined: concat([x, row], 0),
    };
    const tensors = { ...randomInputs(types), at: tensor('i32', [], [1]) };
    await expectEqual(gpu, dtype, outputs, tensors, { dtype, terms: 5 });
  });

  it('keeps small integers and truth values exact', async () => {
    const bytes = input('bytes', tensorType('u8', [3, 7]));
    const signed = input('signed', tensorType('i8', [6]));
    const whole = input('whole', tensorType('i32', [4, 3]));
    const outputs: Record<string, Value> = {
      bytes: cast(bytes, 'f32'),
      turned: transpose(bytes, [1, 0]),
      signed: cast(signed, 'i32'),
      back: cast(cast(signed, 'f32'), 'i8'),
      sums: sum(whole, 1),
      largest: maxReduce(whole, 0),
      quotient: div(whole, 3),
      truth: less(whole, 1),
      padded: pad(less(whole, 1), [1, 0], [0, 2]),
      chosen: where(equal(whole, 1), whole, -5),
      counted: add(iota([4, 3], 1), whole),
      asBool: cast(whole, 'bool'),
    };
    const numbers = (n: number) => Array.from({ length: n }, (_, i) => ((i * 37) % 251) - 0);
    await expectEqual(gpu, 'integers', outputs, {
      bytes: tensor('u8', [3, 7], numbers(21)),
      signed: tensor('i8', [6], [-128, -1, 0, 1, 77, 127]),
      whole: tensor('i32', [4, 3], [-7, 8, 0, 1, 1, 5, -2, 4, 9, 3, -6, 2]),
    });
  });

  it.each([
    [64, 16, 64],
    [65, 17, 70],
    [128, 32, 36],
    [20, 300, 18],
    [1, 7, 200],
    [20, 1040, 36],
    [17, 1101, 18],
    [16, 40, 70],
    [130, 40, 66],
  ])('multiplies %i × %i × %i', async (m, k, n) => {
    const types = { a: tensorType('f32', [2, m, k]), b: tensorType('f32', [1, k, n]) };
    const y = matmul(input('a', types.a), input('b', types.b));
    expect(gpu.cost(graphOf({ y })).dispatches).toBe(k < 1024 ? 1 : 2); // long sums are split over workgroups
    await expectEqual(gpu, 'matmul', { y }, randomInputs(types), { terms: k });
  });

  it.each(Array.from({ length: 24 }, (_, seed) => seed))('random shapes, seed %i', async (seed) => {
    const bits = random(seed, 3).bits(64);
    let drawn = 0;
    const below = (n: number) => bits[drawn++] % n;
    const shape = Array.from({ length: 1 + below(5) }, () => below(6) && 1 + below(5));
    const stretched = shape.map((d) => (below(3) ? d : 1));
    const types = { x: tensorType('f32', shape), y: tensorType('f32', stretched) };
    const [x, y] = Object.entries(types).map(([name, type]) => input(name, type));
    const order = shape.map((_, i) => i).sort((a, b) => bits[40 + a] - bits[40 + b]);
    const axis = below(shape.length);
    const start = below(shape[axis] + 1);
    const outputs: Record<string, Value> = {
      sum: add(x, y),
      difference: sub(y, x),
      largest: max(x, broadcast(y, shape)),
      turned: transpose(x, order),
      cut: slice(x, axis, start, shape[axis], 1 + below(2)),
      reduced: sum(x, order.slice(0, below(shape.length + 1))),
      joined: concat([x, slice(x, axis, start, shape[axis])], axis),
      flat: reshape(transpose(x, order), [-1]),
      padded: pad(
        x,
        shape.map(() => below(3)),
        shape.map(() => below(3)),
      ),
      ...(shape[axis]
        ? {
            first: argmax(x, axis),
            rows: gather(x, input('ids', tensorType('i32', [3])), axis),
          }
        : {}),
    };
    const ids = tensor(
      'i32',
      [3],
      [0, 1, 2].map((i) => (shape[axis] ? i % shape[axis] : 0)),
    );
    const given = 'rows' in outputs ? { ids } : {};
    const tensors = { ...randomInputs(types, {}, seed + 1), ...given };
    await expectEqual(gpu, `seed ${seed}`, outputs, tensors, { terms: 64 });
  });

  it('folds long rows in workgroups', async () => {
    const types = { x: tensorType('f32', [5, 1000]), y: tensorType('f32', [300, 2]) };
    const [x, y] = Object.entries(types).map(([name, type]) => input(name, type));
    const outputs = {
      rows: sum(x, 1),
      all: sum(x),
      columns: sum(y, 0),
      largest: maxReduce(x, 1),
      best: argmax(x, 1),
    };
    const graph = graphOf(outputs);
    await expectEqual(gpu, 'rows', graph.outputs, randomInputs(types), { terms: 5000 });
  });
});
