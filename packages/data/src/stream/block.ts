import { isRowError, type Place } from './bad-rows.js';
import { type Cursor, endOf, type Plan } from './plan.js';
import type { Row, Shard } from './sharded.js';

/** A row that was read, with the number of its shard in the list and of the row in the shard. */
export interface Reading<R> extends Row<R> {
  readonly shard: number;
  readonly row: number;
}

/** Reads blocks one after the other; the shard that a block ends in stays open for the next one. */
export class BlockReader<R> implements AsyncDisposable {
  private current: { readonly shard: number; row: number; readonly rows: AsyncIterator<Row<R>> } | undefined;

  constructor(
    private readonly shards: readonly Shard<R>[],
    private readonly plan: Plan,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * The next rows that belong to this process, across shards, and where the block after them begins. A shard that breaks
   * off is left for the next one.
   */
  async read(
    order: readonly number[],
    start: Cursor,
    fail: (error: unknown, place: Place) => void,
  ): Promise<{ rows: Reading<R>[]; next: Cursor }> {
    const mine = this.plan.ownRows(this.shards.length);
    const rows: Reading<R>[] = [];
    for (let cursor = start; cursor.shard < order.length; cursor = { shard: cursor.shard + 1, row: 0 }) {
      const shard = order[cursor.shard];
      let { row } = cursor;
      try {
        for (let found = await this.next(shard, row); found; found = await this.next(shard, row)) {
          if (mine(row)) rows.push({ ...found, shard, row });
          row++;
          if (rows.length === this.plan.block) return { rows, next: { shard: cursor.shard, row } };
        }
      } catch (error) {
        this.signal.throwIfAborted();
        if (!isRowError(error)) throw error;
        this.current = undefined;
        fail(error, { file: this.shards[shard].name, row });
      }
    }
    return { rows, next: endOf(order) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { current } = this;
    this.current = undefined;
    await current?.rows.return?.();
  }

  private async next(shard: number, row: number): Promise<Row<R> | undefined> {
    this.signal.throwIfAborted();
    if (this.current?.shard !== shard || this.current.row !== row) {
      await this[Symbol.asyncDispose]();
      this.current = { shard, row, rows: this.shards[shard].rows(row, this.signal)[Symbol.asyncIterator]() };
    }
    const { current } = this;
    const step = await current.rows.next();
    this.signal.throwIfAborted();
    current.row = row + 1;
    return step.done ? undefined : step.value;
  }
}
