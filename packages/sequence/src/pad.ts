import { type HostTensor, ShapeError, tensor } from '@emu-ts/base';

/** Rows of ids as one rectangle; every tensor is `[batch, length]`, i32. */
export interface PaddedBatch {
  readonly ids: HostTensor<'i32'>;
  /** 1 for a token, 0 for padding. */
  readonly mask: HostTensor<'i32'>;
  /** Position of each token in its own row. */
  readonly positions: HostTensor<'i32'>;
}

/**
 * Padding before the tokens, for generating text from several prompts at once: every row ends at the last column.
 * Positions count tokens only; padding has position 1, as in the reference, and is masked anyway.
 */
export function padLeft(rows: readonly (readonly number[])[], pad: number): PaddedBatch {
  return padRows(
    rows,
    pad,
    (length, row) => length - row,
    (column, before) => (column < before ? 1 : column - before),
  );
}

/** Padding after the tokens, for training and image generation: positions are simply the columns. */
export function padRight(rows: readonly (readonly number[])[], pad: number): PaddedBatch {
  return padRows(
    rows,
    pad,
    () => 0,
    (column) => column,
  );
}

function padRows(
  rows: readonly (readonly number[])[],
  pad: number,
  offset: (length: number, row: number) => number,
  position: (column: number, offset: number) => number,
): PaddedBatch {
  if (rows.length === 0) throw new ShapeError('A batch needs at least one row of ids, got none.');
  const length = Math.max(...rows.map((row) => row.length));
  const shape = [rows.length, length];
  const batch = { ids: tensor('i32', shape), mask: tensor('i32', shape), positions: tensor('i32', shape) };
  batch.ids.data.fill(pad);
  for (const [r, row] of rows.entries()) {
    const before = offset(length, row.length);
    batch.ids.data.set(row, r * length + before);
    batch.mask.data.fill(1, r * length + before, r * length + before + row.length);
    for (let c = 0; c < length; c++) batch.positions.data[r * length + c] = position(c, before);
  }
  return batch;
}
