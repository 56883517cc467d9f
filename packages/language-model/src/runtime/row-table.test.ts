import { describe, expect, it } from 'vitest';
import { RowTable } from './row-table.js';

const rows = ({ tensor: { data, shape } }: RowTable) =>
  Array.from({ length: shape[0] }, (_, i) => [...data.subarray(i * shape[1], (i + 1) * shape[1])]);

describe('RowTable', () => {
  it('follows beams through several generations', () => {
    const first = RowTable.straight(3, 4);
    expect(first.isStraight).toBe(true);
    const second = first.reordered([2, 0, 0], 1);
    expect(rows(second)).toEqual([
      [2, 0, 0, 0],
      [0, 1, 1, 1],
      [0, 2, 2, 2],
    ]);
    // Beam 0 goes on from beam 1, whose first position stands in row 0 and whose second in row 1.
    expect(rows(second.reordered([1, 1, 2], 2))).toEqual([
      [0, 1, 0, 0],
      [0, 1, 1, 1],
      [0, 2, 2, 2],
    ]);
    expect(second.isStraight).toBe(false);
  });

  it('is straight again when every row holds its own past', () => {
    const swapped = RowTable.straight(2, 3).reordered([1, 0], 2);
    expect(swapped.isStraight).toBe(false);
    expect(swapped.reordered([1, 0], 2).isStraight).toBe(true);
    expect(swapped.reordered([0, 1], 0).isStraight).toBe(true);
  });

  it('may have another number of rows', () => {
    const wider = RowTable.straight(2, 2).reordered([0, 0, 1], 2);
    expect(rows(wider)).toEqual([
      [0, 0],
      [0, 0],
      [1, 1],
    ]);
    expect(wider.isStraight).toBe(false);
  });
});
