import { ShapeError } from '@emu-ts/base';
import {
  add,
  cast,
  concat,
  defineOp,
  dims,
  expectShape,
  formatType,
  gather,
  iota,
  less,
  matmul,
  max,
  mul,
  reshape,
  split,
  sub,
  swapLast,
  type TensorType,
  updateSlice,
  type Value,
  where,
} from '@emu-ts/graph';
import { maskValue, softmax } from '@emu-ts/nn';
import { expectIndices } from '../operands.js';

/**
 * Attention over a past of fixed capacity: writes the new keys and values behind the first `length` positions, then
 * lets query i see positions `padding` … length + i of its row. q, k, v [b h t d]; keys, values [b h c d], which may be
 * stored in a narrower float; length i32 []; padding i32 [b].
 *
 * With `rows` i32 [b c], beam b has its past in other rows: position p below the length is read from row rows[b, p]. So
 * beams swap their pasts without a copy.
 *
 * One node holds the write and the read, so that an executor that owns the cache may write in place and read no further
 * than the length.
 */
export const cachedAttentionOp = defineOp({
  name: 'attention.cached',
  inputs: ['q', 'k', 'v', 'keys', 'values', 'length', 'padding', 'rows?'],
  outputs: ['out', 'keysOut', 'valuesOut'],
  infer({ q, k, v, keys, values, length, padding, rows }, _: { scale: number }) {
    const { b, h, t, d } = dims(q, 'b h t d');
    const { c } = dims(keys, `${b} ${h} c ${d}`);
    expectShape('attention.cached', 'k', k, q.shape);
    expectShape('attention.cached', 'v', v, q.shape);
    expectShape('attention.cached', 'values', values, keys.shape);
    expectIndices('attention.cached', 'length', length, []);
    expectIndices('attention.cached', 'padding', padding, [b]);
    if (rows) expectIndices('attention.cached', 'rows', rows, [b, c]);
    if (t > c)
      throw new ShapeError(`attention.cached: ${t} new positions do not fit into ${formatType(keys)}.`);
    return { out: { shape: q.shape, dtype: q.dtype }, keysOut: keys, valuesOut: values };
  },
  /**
   * The scores of the past and of the new positions are taken apart and share one softmax: so nothing that is read
   * waits for the write, and an executor need not hold the cache twice.
   */
  decompose({ q, k, v, keys, values, length, padding, rows }, { scale }) {
    const [stored, storedValues] = [cast(k, keys.dtype), cast(v, values.dtype)];
    const [past, pastValues] = rows ? [readRows(keys, rows), readRows(values, rows)] : [keys, values];
    const bias = visible(q, keys, length, padding);
    const scores = concat(
      [add(product(q, past, scale), bias.past), add(product(q, stored, scale), bias.fresh)],
      3,
    );
    const [t, c] = [q.shape[2], keys.shape[2]];
    const [weights, freshWeights] = split(softmax(scores), 3, [c, t]); // [b h t c], [b h t t]
    const out = add(
      matmul(weights, cast(pastValues, q.dtype)),
      matmul(freshWeights, cast(storedValues, q.dtype)),
    );
    return {
      out,
      keysOut: updateSlice(keys, stored, length, 2),
      valuesOut: updateSlice(values, storedValues, length, 2),
    };
  },
});

/** scale · q kᵀ: [b h t d], [b h s d] → [b h t s] */
const product = (q: Value, k: Value, scale: number): Value =>
  matmul(mul(q, scale), swapLast(cast(k, q.dtype)));

/** Position p of row i taken from row rows[i, p]: x [a h c d], rows i32 [b c] → [b h c d]. */
export function readRows(x: Value, rows: Value): Value {
  const { a, h, c, d } = dims(x, 'a h c d');
  const { b } = dims(rows, `b ${c}`);
  const head = add(mul(reshape(rows, [b, 1, c]), h), iota([1, h, 1], 1)); // [b h c]
  const place = add(mul(head, c), iota([1, 1, c], 2));
  return gather(reshape(x, [a * h * c, d]), place);
}

/**
 * Biases that leave each query its own row from the padding up to itself: of the past [b 1 1 c], which ends at the
 * length, and of the new positions [b 1 t t]. What is not there yet is hidden behind what is hidden by padding.
 */
function visible(q: TensorType, keys: TensorType, length: Value, padding: Value) {
  const { b, t } = dims(q, 'b h t d');
  const { c } = dims(keys, 'b h c d');
  const first = reshape(padding, [b, 1, 1, 1]);
  const [padded, absent] = [maskValue, 2 * maskValue];
  const old = iota([1, c], 1);
  const fresh = iota([1, t], 1);
  const later = less(iota([t, 1], 0), fresh); // [t t]
  return {
    past: where(less(old, length), where(less(old, first), padded, 0), absent),
    fresh: where(later, absent, where(less(add(fresh, length), first), padded, 0)),
  };
}

/** Positions inside the text of a row whose first `padding` positions hold nothing: i32 [b t], from `length` on. */
export function positionsFrom(length: Value, padding: Value, t: number): Value {
  const { b } = dims(padding, 'b');
  return max(sub(add(iota([1, t], 1), length), reshape(padding, [b, 1])), 0);
}
