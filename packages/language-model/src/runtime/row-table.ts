import { type HostTensor, tensor } from '@emu-ts/base';

/**
 * Which row of the cache holds position p of row i: what lets beams swap their pasts by moving a few numbers instead of
 * keys and values.
 */
export class RowTable {
  private constructor(
    readonly batch: number,
    readonly capacity: number,
    readonly isStraight: boolean,
    readonly tensor: HostTensor<'i32'>,
  ) {}

  /** Every row holds its own past. */
  static straight(batch: number, capacity: number): RowTable {
    const table = tensor('i32', [batch, capacity]);
    for (let row = 0; row < batch; row++) table.data.fill(row, row * capacity, (row + 1) * capacity);
    return new RowTable(batch, capacity, true, table);
  }

  /** Row i takes over the first `length` positions of row `parents[i]`; what comes later is its own. */
  reordered(parents: readonly number[], length: number): RowTable {
    const { capacity } = this;
    const table = RowTable.straight(parents.length, capacity).tensor;
    parents.forEach((parent, row) => {
      const past = this.tensor.data.subarray(parent * capacity, parent * capacity + length);
      table.data.set(past, row * capacity);
    });
    const straight =
      parents.length === this.batch && table.data.every((row, i) => row === Math.floor(i / capacity));
    return new RowTable(parents.length, capacity, straight, table);
  }
}
