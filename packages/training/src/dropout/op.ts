import { EmuError, type HostTensor, isFloat, random, ShapeError, sizeOf, tensor } from '@emu-ts/base';
import {
  add,
  cast,
  constant,
  defineOp,
  expectShape,
  formatType,
  last,
  less,
  mul,
  reshape,
  slice,
  sub,
  type Value,
  where,
} from '@emu-ts/graph';

export type DropoutAttrs = {
  /** Share of elements that become 0. */
  readonly rate: number;
  /** Which of a model's dropouts this is: each leaves out others. */
  readonly site: number;
};

/** Sums and products of residues of this prime stay below 2²⁰: whole numbers that every executor computes exactly. */
const prime = 1021;

/** Streams of one seed, apart from each other. */
const streams = { tables: 0x64726f74, seeds: 0x64726f73 } as const;

/**
 * Dropout (Srivastava et al., 2014) whose choice is computed, not drawn: element (r, c) of x, seen as rows of its last
 * axis, is left out where
 *
 *   (aᵣ b꜀ + eᵣ + d꜀) mod 1021 < 1021 · rate
 *
 * with tables a, b, e, d of the site, shifted by the seed. Rows and columns choose independently of each other, every
 * executor leaves out the same elements, and the backward pass is the same op on the cotangent: no mask is kept.
 * @param seed i32 [4], from `drawDropout`
 */
export const dropoutOp = defineOp({
  name: 'training.dropout',
  inputs: ['x', 'seed'],
  outputs: ['y'],
  infer({ x, seed }, { rate }: DropoutAttrs) {
    if (!isFloat(x.dtype) || x.shape.length === 0)
      throw new ShapeError(`training.dropout takes rows of floats, got ${formatType(x)}.`);
    expectShape('training.dropout', 'seed', seed, [4]);
    if (!(rate >= 0 && rate < 1))
      throw new EmuError('OPTION', `training.dropout: the rate is ${rate}, wanted 0 up to 1.`);
    return { y: x };
  },
  decompose({ x, seed }, { rate, site }) {
    const shift = cast(seed, 'f32');
    const columns = last(x);
    const rows = sizeOf(x.shape) / columns;
    const table = (index: number, shape: readonly [number, number]): Value =>
      residue(add(constant(residues(4 * site + index, shape)), slice(shift, 0, index, index + 1)));
    const [a, e] = [table(0, [rows, 1]), table(1, [rows, 1])];
    const [b, d] = [table(2, [1, columns]), table(3, [1, columns])];
    const choice = residue(add(add(mul(a, b), e), d));
    const out = Math.round(rate * prime);
    const kept = mul(x, prime / (prime - out));
    return { y: where(less(reshape(choice, x.shape), out), 0, kept) };
  },
  vjp: ({ inputs: { seed }, attrs, cotangents: { y: dy } }) => (dy ? { x: dropout(dy, seed, attrs) } : {}),
});

export function dropout(x: Value, seed: Value, attrs: DropoutAttrs): Value {
  return dropoutOp({ x, seed }, attrs).y;
}

/** x mod 1021 of whole numbers below 2²⁰; half a unit keeps the quotient clear of rounding. */
function residue(x: Value): Value {
  const quotient = cast(cast(mul(add(x, 0.5), 1 / prime), 'i32'), 'f32');
  return sub(x, mul(quotient, prime));
}

const residues = (index: number, shape: readonly number[]): HostTensor => {
  const draws = random(index, streams.tables).uniform(sizeOf(shape));
  return tensor(
    'f32',
    shape,
    Float32Array.from(draws, (u) => Math.floor(u * prime)),
  );
};

/** The `dropout` of a batch: what its dropouts leave out. Equal seeds and numbers leave out the same. */
export const drawDropout = ({
  seed,
  index,
}: {
  readonly seed: number;
  readonly index: number;
}): HostTensor => {
  const draws = random(seed, streams.seeds).uniform(4, 4 * index);
  return tensor(
    'i32',
    [4],
    Int32Array.from(draws, (u) => Math.floor(u * prime)),
  );
};
