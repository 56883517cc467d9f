import { type CallOptions, EmuError } from '@emu-ts/base';
import type { BadRows, Place } from './bad-rows.js';

/** Anything that JSON holds: positions are saved in checkpoints. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One value of a stream. */
export interface Item<T> {
  readonly value: T;
  /** Where the stream goes on after this value; `open` takes it. */
  readonly position: Json;
  /** Where it comes from, if that is one place. */
  readonly place?: Place | undefined;
}

export interface OpenOptions extends CallOptions {
  /** Collects what could not be read. */
  readonly badRows?: BadRows | undefined;
}

/** Values that can be taken up again anywhere: the same position gives the same values. */
export interface DataSource<T> {
  /** @param position of the last value that was used; absent: from the start. */
  open(position?: Json, options?: OpenOptions): AsyncIterable<Item<T>>;
}

/** The source with every value replaced. */
export const mapSource = <T, U>(
  source: DataSource<T>,
  replace: (value: T) => U | Promise<U>,
): DataSource<U> => ({
  async *open(position, options) {
    for await (const item of source.open(position, options)) {
      yield { ...item, value: await replace(item.value) };
    }
  },
});

/** Values in groups of `size`, each with the position after its last one; the last group may be smaller. */
export const batchSource = <T>(source: DataSource<T>, size: number): DataSource<readonly T[]> => ({
  async *open(position, options) {
    if (!Number.isInteger(size) || size < 1) {
      throw new EmuError('STREAM_OPTIONS', `Got batches of ${size}, wanted a whole number of at least 1.`);
    }
    let values: T[] = [];
    let last: Json = null;
    for await (const { value, position: next } of source.open(position, options)) {
      values.push(value);
      last = next;
      if (values.length < size) continue;
      yield { value: values, position: next };
      values = [];
    }
    if (values.length > 0) yield { value: values, position: last };
  },
});
