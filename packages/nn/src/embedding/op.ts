import { type DType, ShapeError } from '@emu-ts/base';
import { cast, defineOp, dims, formatType, gather } from '@emu-ts/graph';
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
});
