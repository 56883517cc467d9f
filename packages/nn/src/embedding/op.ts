import { type DType, ShapeError } from '@emu-ts/base';
import {
  cast,
  defineOp,
  dims,
  formatType,
  gather,
  less,
  max,
  min,
  reshape,
  sub,
  type Value,
  where,
} from '@emu-ts/graph';
import { expectFloat } from '../checks.js';

/** Rows of a table: ids i32 [… ], weight [v d] → [… d] in `dtype`, whatever the table is stored in. */
export const embeddingOp = defineOp({
  name: 'nn.embedding',
  inputs: ['ids', 'weight'],
  outputs: ['y'],
  infer({ ids, weight }, { dtype }: { dtype: DType }) {
    const { d } = dims(weight, 'v d');
    expectFloat('nn.embedding', 'weight', weight);
    if (ids.dtype !== 'i32') throw new ShapeError(`nn.embedding: 'ids' must be i32, got ${formatType(ids)}.`);
    return { y: { shape: [...ids.shape, d], dtype } };
  },
  decompose: ({ ids, weight }, { dtype }) => ({ y: cast(gather(weight, ids), dtype) }),
  inParts: (operand, parts, { ids }, attrs): { y: Value } | undefined =>
    operand === 'weight' && parts.length <= mostParts
      ? embeddingPartsOp(
          {
            ids,
            part0: parts[0],
            part1: parts[1],
            part2: parts[2],
            part3: parts[3],
            part4: parts[4],
            part5: parts[5],
          },
          attrs,
        )
      : undefined,
});

/** Storage bindings that every device has, less one for ids and one for the result. */
export const mostParts = 6;

/** Rows of a table [v d] that comes in parts; all but the last have as many rows. */
export const embeddingPartsOp = defineOp({
  name: 'nn.embedding_parts',
  inputs: ['ids', 'part0', 'part1', 'part2?', 'part3?', 'part4?', 'part5?'],
  outputs: ['y'],
  infer: ({ ids, part0 }, { dtype }: { dtype: DType }) => ({
    y: { shape: [...ids.shape, part0.shape[1]], dtype },
  }),
  decompose({ ids, ...parts }, { dtype }) {
    let from = 0;
    const found = Object.values(parts).map((part) => {
      const rows = (part as Value).shape[0];
      const own = min(max(sub(ids, from), 0), rows - 1);
      from += rows;
      return { y: cast(gather(part as Value, own), dtype), end: from };
    });
    const row = reshape(ids, [...ids.shape, 1]);
    return { y: found.reduceRight((later, { y, end }) => ({ y: where(less(row, end), y, later.y), end })).y };
  },
});
