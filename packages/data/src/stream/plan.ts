import { EmuError } from '@emu-ts/base';
import { Draws } from '../draws.js';
import type { StreamOptions } from './sharded.js';
import type { Json } from './source.js';

/** The first row of a block: a shard, by its place in the epoch's order, and a row in it. */
export type Cursor = { readonly shard: number; readonly row: number };

export const startOf: Cursor = { shard: 0, row: 0 };
export const endOf = (order: readonly number[]): Cursor => ({ shard: order.length, row: 0 });

/** Where a stream stands. */
export type StreamPosition = {
  readonly epoch: number;
  readonly cursor: Cursor;
  /** Rows of the block, in its shuffled order, that were used or left out. */
  readonly taken: number;
  /** Rows that were given out and rows that were not, since the start. */
  readonly good: number;
  readonly bad: number;
};

/** Without shuffling blocks only serve to decode ahead. */
const unshuffledBlock = 16;

/** The order of a stream, as its options have it. */
export class Plan {
  readonly epochs: number;
  /** Rows that are read at a time. */
  readonly block: number;
  private readonly isShuffled: boolean;
  private readonly seed: number;
  private readonly rank: number;
  private readonly worldSize: number;

  constructor({ seed = 0, shuffle = 1, rank = 0, worldSize = 1, epochs = 1 }: StreamOptions) {
    const whole = (name: string, value: number, least: number) => {
      if ((Number.isInteger(value) || value === Number.POSITIVE_INFINITY) && value >= least) return value;
      throw new EmuError(
        'STREAM_OPTIONS',
        `Got ${name} ${value}, wanted a whole number of at least ${least}.`,
      );
    };
    this.seed = seed;
    this.isShuffled = whole('shuffle', shuffle, 1) > 1;
    this.block = this.isShuffled ? shuffle : unshuffledBlock;
    this.epochs = whole('epochs', epochs, 1);
    this.worldSize = whole('worldSize', worldSize, 1);
    this.rank = whole('rank', rank, 0);
    if (rank >= worldSize) {
      throw new EmuError('STREAM_OPTIONS', `Got rank ${rank} of ${worldSize}, wanted 0 to ${worldSize - 1}.`);
    }
  }

  /** The shards of this process, in the order of the epoch; all of them where there are fewer than processes. */
  order(count: number, epoch: number): number[] {
    const all = Array.from({ length: count }, (_, i) => i);
    const order = this.isShuffled ? new Draws(this.seed, epoch, 1).shuffle(all) : all;
    return this.byShard(count) ? order.filter((_, i) => i % this.worldSize === this.rank) : order;
  }

  /** Which rows of a shard belong to this process. */
  ownRows(count: number): (row: number) => boolean {
    return this.byShard(count) ? () => true : (row) => row % this.worldSize === this.rank;
  }

  shuffled<T>(rows: readonly T[], epoch: number, { shard, row }: Cursor): readonly T[] {
    if (!this.isShuffled) return rows;
    return new Draws(this.seed, epoch * 2 ** 32 + row, 2 ** 31 + shard).shuffle(rows);
  }

  read(position: Json | undefined): StreamPosition {
    if (position === undefined) return { epoch: 0, cursor: startOf, taken: 0, good: 0, bad: 0 };
    const given = position as Partial<StreamPosition> | null;
    const numbers = [
      given?.epoch,
      given?.cursor?.shard,
      given?.cursor?.row,
      given?.taken,
      given?.good,
      given?.bad,
    ];
    if (numbers.every((n) => Number.isSafeInteger(n) && (n as number) >= 0)) return given as StreamPosition;
    throw new EmuError(
      'STREAM_POSITION',
      `Got ${JSON.stringify(position)}, wanted a position this stream gave.`,
    );
  }

  private byShard(count: number): boolean {
    return count >= this.worldSize;
  }
}
