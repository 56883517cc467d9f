import { EmuError } from '@emu-ts/base';
import { Draws } from '../draws.js';
import { type BadRow, BadRows, badRow, isRowError, type Place, placeText } from './bad-rows.js';
import { BlockReader } from './block.js';
import { Plan, type StreamPosition, startOf } from './plan.js';
import type { DataSource, Item, OpenOptions } from './source.js';

/** A row as it lies in a file, not looked at yet. */
export interface Row<R> {
  readonly value: R;
  readonly place: Place;
}

/** A file of rows. */
export interface Shard<R> {
  readonly name: string;
  /** The rows from number `from` (counted from 0) on. May throw an `EmuError` when the rest cannot be read. */
  rows(from: number, signal: AbortSignal): AsyncIterable<Row<R>>;
}

export interface StreamOptions {
  /** Names every random choice; 0 by default. */
  readonly seed?: number | undefined;
  /** Rows that are shuffled together, after the order of the shards; 1 (the order of the files) by default. */
  readonly shuffle?: number | undefined;
  /** Which of the processes that share the data this is, 0..worldSize − 1. */
  readonly rank?: number | undefined;
  readonly worldSize?: number | undefined;
  /** Passes over the data; 1 by default, Infinity for no end. Each has another order. */
  readonly epochs?: number | undefined;
  /** More bad rows than this end the stream with `TOO_MANY_BAD_ROWS`; unlimited by default. */
  readonly maxBad?: number | undefined;
  /** Rows being decoded at once; 4 by default. The order does not depend on it. */
  readonly ahead?: number | undefined;
}

/** What decoding a row may use. */
export interface RowContext {
  /** Random choices of this row in this epoch. */
  readonly draws: Draws;
  readonly place: Place;
  readonly signal: AbortSignal;
  /** Reports something wrong that leaves the row usable. */
  report(error: EmuError): void;
}

/**
 * Streams the rows of many files: shards in a seeded order, shared out between processes, shuffled in blocks, decoded a
 * few ahead. A position is the place of the block and how much of it was used, so that a stream taken up again gives
 * exactly what the unbroken one would have given. Rows that fail with an `EmuError` are counted and left out.
 * @throws EmuError `STREAM_OPTIONS`, `STREAM_POSITION`, `TOO_MANY_BAD_ROWS`, `NO_ROWS` when a pass finds nothing at all.
 */
export function shardedSource<R, T>(
  list: (signal: AbortSignal) => readonly Shard<R>[] | Promise<readonly Shard<R>[]>,
  decode: (row: R, context: RowContext) => Promise<T>,
  options: StreamOptions = {},
): DataSource<T> {
  const plan = new Plan(options);
  const { maxBad = Number.POSITIVE_INFINITY, ahead = 4, seed = 0 } = options;

  async function* run(
    position: StreamPosition,
    outer: OpenOptions,
    signal: AbortSignal,
  ): AsyncGenerator<Item<T>> {
    const shards = await list(signal);
    await using reader = new BlockReader(shards, plan, signal);
    const collected = outer.badRows ?? new BadRows();
    let { bad, good } = position;
    const note = (row: BadRow) => {
      collected.add(row);
      bad++;
      if (bad <= maxBad) return;
      throw new EmuError(
        'TOO_MANY_BAD_ROWS',
        `${bad} rows could not be read, more than the ${maxBad} allowed; the last is ${placeText(row.place)}: ${row.reason}`,
      );
    };
    const settle = (error: unknown, place: Place) => {
      signal.throwIfAborted();
      if (!isRowError(error)) throw error;
      note(badRow(place, error));
    };

    for (let { epoch, cursor, taken } = position; epoch < plan.epochs; epoch++, cursor = startOf, taken = 0) {
      const order = plan.order(shards.length, epoch);
      while (cursor.shard < order.length) {
        const failures: [unknown, Place][] = [];
        const { rows, next } = await reader.read(order, cursor, (...failure) => failures.push(failure));
        // What failed while a block was read counts once, when its first row is used.
        if (taken === 0) for (const failure of failures) settle(...failure);
        const shuffled = plan.shuffled(rows, epoch, cursor);
        const reports: EmuError[][] = shuffled.map(() => []);
        const start = async (at: number) => {
          const { value, place, shard, row } = shuffled[at];
          const draws = new Draws(seed, epoch * 2 ** 32 + row, 16 + shard);
          return decode(value, { draws, place, signal, report: (error) => reports[at].push(error) });
        };
        const running = new Map<number, Promise<T>>();
        for (let at = taken; at < shuffled.length; at++) {
          signal.throwIfAborted();
          for (let k = at; k < Math.min(shuffled.length, at + ahead); k++) {
            if (running.has(k)) continue;
            const work = start(k);
            work.catch(() => {});
            running.set(k, work);
          }
          const { place } = shuffled[at];
          let value: T;
          try {
            value = await (running.get(at) as Promise<T>);
          } catch (error) {
            settle(error, place);
            continue;
          } finally {
            running.delete(at);
          }
          for (const error of reports[at]) note(badRow(place, error));
          good++;
          const done = at + 1 === shuffled.length;
          const where = done ? { cursor: next, taken: 0 } : { cursor, taken: at + 1 };
          yield { value, position: { epoch, ...where, good, bad }, place };
        }
        [cursor, taken] = [next, 0];
      }
      if (good === 0) {
        const reason = bad > 0 ? ` ${collected.toString()}` : '';
        throw new EmuError('NO_ROWS', `The data (${shards.length} shards) holds no usable row.${reason}`);
      }
    }
  }

  return {
    async *open(position, outer = {}) {
      outer.signal?.throwIfAborted();
      const closing = new AbortController();
      const signal = outer.signal ? AbortSignal.any([outer.signal, closing.signal]) : closing.signal;
      try {
        yield* run(plan.read(position), outer, signal);
      } finally {
        closing.abort();
      }
    },
  };
}
