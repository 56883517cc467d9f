import { ShapeError } from '@emu-ts/base';
import {
  add,
  cast,
  defineOp,
  dims,
  expectShape,
  formatType,
  gather,
  iota,
  less,
  max,
  mul,
  reshape,
  sub,
  type TensorType,
  updateSlice,
  type Value,
  where,
} from '@emu-ts/graph';
import { attention, maskValue } from '@emu-ts/nn';

/**
 * Attention over a past of fixed capacity: writes the new keys and values behind the first `length` positions, then
 * lets query i see positions `padding` … length + i of its row. q, k, v [b h t d]; keys, values [b h c d], which may be
 * stored in a narrower float; length i32 []; padding i32 [b].
 *
 * With `rows` i32 [b c], beam b has its past in other rows: position p is read from row rows[b, p]. So beams swap their
 * pasts without a copy; a row's own new positions must stand in its own row.
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
    expectIndex('length', length, []);
    expectIndex('padding', padding, [b]);
    if (rows) expectIndex('rows', rows, [b, c]);
    if (t > c)
      throw new ShapeError(`attention.cached: ${t} new positions do not fit into ${formatType(keys)}.`);
    return { out: { shape: q.shape, dtype: q.dtype }, keysOut: keys, valuesOut: values };
  },
  decompose({ q, k, v, keys, values, length, padding, rows }, { scale }) {
    const keysOut = updateSlice(keys, cast(k, keys.dtype), length, 2);
    const valuesOut = updateSlice(values, cast(v, values.dtype), length, 2);
    const past = rows ? [keysOut, valuesOut].map((x) => readRows(x, rows)) : [keysOut, valuesOut];
    const bias = visible(q, keys, length, padding);
    const out = attention({ q, k: past[0], v: past[1], bias }, { scale });
    return { out, keysOut, valuesOut };
  },
});

/** Position p of row i taken from row rows[i, p]: x [a h c d], rows i32 [b c] → [b h c d]. */
export function readRows(x: Value, rows: Value): Value {
  const { a, h, c, d } = dims(x, 'a h c d');
  const { b } = dims(rows, `b ${c}`);
  const head = add(mul(reshape(rows, [b, 1, c]), h), iota([1, h, 1], 1)); // [b h c]
  const place = add(mul(head, c), iota([1, 1, c], 2));
  return gather(reshape(x, [a * h * c, d]), place);
}

/** The bias [b 1 t c] that leaves each query its own row from the padding up to its own position. */
function visible(q: TensorType, keys: TensorType, length: Value, padding: Value): Value {
  const { b, t } = dims(q, 'b h t d');
  const { c } = dims(keys, 'b h c d');
  const key = iota([1, c], 1);
  const future = less(add(iota([t, 1], 0), length), key); // [t c]
  const nothing = less(key, reshape(padding, [b, 1, 1, 1])); // [b 1 1 c]
  return where(future, maskValue, where(nothing, maskValue, 0));
}

/** Positions inside the text of a row whose first `padding` positions hold nothing: i32 [b t], from `length` on. */
export function positionsFrom(length: Value, padding: Value, t: number): Value {
  const { b } = dims(padding, 'b');
  return max(sub(add(iota([1, t], 1), length), reshape(padding, [b, 1])), 0);
}

function expectIndex(operand: string, x: TensorType, shape: readonly number[]): void {
  expectShape('attention.cached', operand, x, shape);
  if (x.dtype !== 'i32')
    throw new ShapeError(`attention.cached: '${operand}' must be i32, got ${formatType(x)}.`);
}
