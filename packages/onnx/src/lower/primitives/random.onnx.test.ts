import { random, sizeOf, tensor } from '@emu-ts/base';
import { type AnyOp, input, primitives, tensorType, type Value } from '@emu-ts/graph';
import { cotangentsOf, expectEqual, randomInputs } from '@emu-ts/testing';
import { afterAll, beforeAll, it } from 'vitest';
import { create } from '../../../test/kit.js';
import type { OnnxExecutor } from '../../index.js';

/** Primitives whose rules depend on shapes, at shapes drawn at random, forward and backward. */
let executor: OnnxExecutor;
beforeAll(async () => {
  executor = await create();
});
afterAll(() => executor.dispose());

/** Whole numbers from a seed, one after the other. */
function dice(seed: number) {
  let at = 0;
  const draws = random(seed).uniform(400);
  const upTo = (n: number) => Math.floor(draws[at++ % draws.length] * n);
  const from = (low: number, high: number) => low + upTo(high - low + 1);
  const shape = (rank = from(1, 4)) => Array.from({ length: rank }, () => from(1, 6));
  const some = <T>(items: readonly T[]) => items.filter(() => upTo(2));
  const shuffled = <T>(items: readonly T[]) =>
    items
      .map((item) => [draws[at++ % draws.length], item] as const)
      .sort(([a], [b]) => a - b)
      .map(([, item]) => item);
  /** One that broadcasts against `other`: some dimensions 1, some leading ones left out. */
  const narrower = (other: readonly number[]) =>
    other.map((d) => (upTo(3) ? d : 1)).slice(upTo(other.length + 1));
  return { upTo, from, shape, some, shuffled, narrower };
}
type Dice = ReturnType<typeof dice>;
interface Drawn {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  /** Upper bound of the indices, for the operands that are indices. */
  readonly indices?: Readonly<Record<string, number>>;
}

const axesOf = (shape: readonly number[]) => shape.map((_, i) => i);
const convolution = ({ from, upTo }: Dice) => {
  const [n, c, o, kh, kw] = [from(1, 3), from(1, 4), from(1, 4), from(1, 5), from(1, 5)];
  const strides = [from(1, 3), from(1, 3)];
  const padding = [upTo(kh), upTo(kw), upTo(kh), upTo(kw)];
  const x = [n, c, kh + from(0, 7), kw + from(0, 7)];
  const extent = (i: 0 | 1, k: number) =>
    Math.floor((x[2 + i] + padding[i] + padding[2 + i] - k) / strides[i]) + 1;
  return { x, weight: [o, c, kh, kw], dy: [n, o, extent(0, kh), extent(1, kw)], strides, padding };
};

const draws: Readonly<Record<string, (d: Dice) => Drawn>> = {
  mul: (d) => {
    const a = d.shape();
    return { shapes: { a, b: d.narrower(a) }, attrs: {} };
  },
  sub: (d) => {
    const b = d.shape();
    return { shapes: { a: d.narrower(b), b }, attrs: {} };
  },
  sum: (d) => {
    const x = d.shape();
    return { shapes: { x }, attrs: { axes: d.some(axesOf(x)) } };
  },
  max_reduce: (d) => {
    const x = d.shape();
    return { shapes: { x }, attrs: { axes: d.some(axesOf(x)) } };
  },
  argmax: (d) => {
    const x = d.shape();
    return { shapes: { x }, attrs: { axis: d.upTo(x.length) } };
  },
  reshape: (d) => {
    const x = d.shape();
    const [first, ...rest] = d.shuffled(x);
    return { shapes: { x }, attrs: { shape: d.upTo(2) ? [sizeOf(x)] : [...rest, 1, first] } };
  },
  transpose: (d) => {
    const x = d.shape();
    return { shapes: { x }, attrs: { permutation: d.shuffled(axesOf(x)) } };
  },
  broadcast: (d) => {
    const shape = d.shape();
    return { shapes: { x: d.narrower(shape) }, attrs: { shape } };
  },
  slice: (d) => {
    const x = d.shape();
    const starts = x.map((size) => d.upTo(size));
    const ends = x.map((size, i) => d.from(starts[i], size));
    return { shapes: { x }, attrs: { starts, ends, steps: x.map(() => d.from(1, 3)) } };
  },
  pad: (d) => {
    const x = d.shape();
    const list = () => x.map(() => d.upTo(3));
    return { shapes: { x }, attrs: { low: list(), high: list(), interior: list() } };
  },
  concat: (d) => {
    const first = d.shape();
    const axis = d.upTo(first.length);
    const parts = Array.from({ length: d.from(1, 4) }, (_, i) => [
      `x${i}`,
      first.map((size, j) => (j === axis ? d.from(1, 5) : size)),
    ]);
    return { shapes: Object.fromEntries(parts), attrs: { axis } };
  },
  gather: (d) => {
    const x = d.shape();
    const axis = d.upTo(x.length);
    return { shapes: { x, indices: d.shape(d.upTo(3)) }, attrs: { axis }, indices: { indices: x[axis] } };
  },
  scatter_add: (d) => {
    const x = d.shape();
    const axis = d.upTo(x.length);
    if (d.upTo(2)) x[axis] += 300; // more rows than a one-hot product is used for
    const indices = d.shape(d.upTo(3));
    const updates = [...x.slice(0, axis), ...indices, ...x.slice(axis + 1)];
    return { shapes: { x, indices, updates }, attrs: { axis }, indices: { indices: x[axis] } };
  },
  dynamic_slice: (d) => {
    const x = d.shape();
    const axis = d.upTo(x.length);
    const length = d.from(1, x[axis]);
    return { shapes: { x, start: [] }, attrs: { axis, length }, indices: { start: x[axis] - length + 1 } };
  },
  update_slice: (d) => {
    const x = d.shape();
    const axis = d.upTo(x.length);
    const update = x.map((size, i) => (i === axis ? d.from(1, size) : size));
    const positions = x[axis] - update[axis] + 1;
    return { shapes: { x, update, start: [] }, attrs: { axis }, indices: { start: positions } };
  },
  matmul: (d) => {
    const [m, k, n] = [d.from(1, 7), d.from(1, 7), d.from(1, 7)];
    const batch = d.shape(d.upTo(3));
    return { shapes: { a: [...batch, m, k], b: [...d.narrower(batch), k, n] }, attrs: {} };
  },
  conv2d: (d) => {
    const { x, weight, strides, padding } = convolution(d);
    return { shapes: { x, weight }, attrs: { strides, padding } };
  },
  conv2d_input_grad: (d) => {
    const { x, weight, dy, strides, padding } = convolution(d);
    return { shapes: { dy, weight }, attrs: { strides, padding, size: x.slice(2) } };
  },
  conv2d_weight_grad: (d) => {
    const { x, weight, dy, strides, padding } = convolution(d);
    return { shapes: { x, dy }, attrs: { strides, padding, kernel: weight.slice(2) } };
  },
};

const times = 12;

it.each(Object.entries(draws))(`%s, ${times} shapes`, async (name, draw) => {
  const op = primitives[name as keyof typeof primitives] as AnyOp;
  for (let seed = 1; seed <= times; seed++) {
    const d = dice(seed);
    const { shapes, attrs, indices = {} } = draw(d);
    const types = Object.fromEntries(
      Object.entries(shapes).map(([key, shape]) => [key, tensorType(key in indices ? 'i32' : 'f32', shape)]),
    );
    const given = Object.fromEntries(
      Object.entries(indices).map(([key, bound]) => {
        const values = Array.from({ length: sizeOf(shapes[key]) }, () => d.upTo(bound));
        return [key, tensor('i32', shapes[key], values)];
      }),
    );
    const symbols = Object.fromEntries(Object.entries(types).map(([key, type]) => [key, input(key, type)]));
    const outputs = op(symbols, attrs) as Record<string, Value>;
    const tensors = randomInputs(types, given, seed);
    const label = `${name} ${JSON.stringify({ shapes, attrs })}`;
    await expectEqual(executor, label, outputs, tensors, { terms: 512 });
    if (op.vjp === 'none') continue;
    const { gradients, seeds } = cotangentsOf(symbols, outputs);
    const all = { ...tensors, ...randomInputs(seeds, {}, seed + times) };
    await expectEqual(executor, `${label} backward`, gradients, all, { terms: 512 });
  }
});
