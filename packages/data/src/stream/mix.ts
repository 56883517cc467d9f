import { EmuError } from '@emu-ts/base';
import { Draws } from '../draws.js';
import type { DataSource, Item, Json } from './source.js';

export interface Weighted<T> {
  readonly source: DataSource<T>;
  /** How often it is drawn from, relative to the others. */
  readonly weight: number;
}

export interface MixOptions {
  readonly seed?: number | undefined;
  /** When one source ends: go on with the others (`all`, the default), or end as well (`first`). */
  readonly until?: 'all' | 'first' | undefined;
}

export interface Mixed<T> {
  readonly name: string;
  readonly value: T;
}

type MixPosition = {
  readonly drawn: number;
  readonly positions: { readonly [name: string]: Json };
  readonly ended: readonly string[];
};

/**
 * Draws from several sources by weight. Draw number n takes the same source whatever came before, and the position holds
 * that of each source, so the mixture resumes exactly.
 * @throws EmuError `MIX` for weights that are not positive, `STREAM_POSITION`.
 */
export function mixSources<T>(
  parts: Readonly<Record<string, Weighted<T>>>,
  { seed = 0, until = 'all' }: MixOptions = {},
): DataSource<Mixed<T>> {
  const names = Object.keys(parts);
  const odd = names.find((name) => !(parts[name].weight > 0 && Number.isFinite(parts[name].weight)));
  if (odd !== undefined || names.length === 0) {
    const got = odd === undefined ? 'no sources' : `weight ${parts[odd].weight} for '${odd}'`;
    throw new EmuError('MIX', `Got ${got}, wanted a positive weight for each of at least one source.`);
  }

  return {
    async *open(position, options) {
      const start = readPosition(position, names);
      const positions = new Map(Object.entries(start.positions));
      const ended = new Set(start.ended);
      const open = new Map<string, AsyncIterator<Item<T>>>();
      try {
        for (let drawn = start.drawn; ended.size < names.length; drawn++) {
          options?.signal?.throwIfAborted();
          const draws = new Draws(seed, drawn);
          for (;;) {
            const weights = names.map((name) => (ended.has(name) ? 0 : parts[name].weight));
            const name = names[draws.weighted(weights)];
            let stream = open.get(name);
            if (!stream) {
              stream = parts[name].source.open(positions.get(name), options)[Symbol.asyncIterator]();
              open.set(name, stream);
            }
            const step = await stream.next();
            if (step.done) {
              ended.add(name);
              if (until === 'first' || ended.size === names.length) return;
              continue;
            }
            positions.set(name, step.value.position);
            const state: MixPosition = {
              drawn: drawn + 1,
              positions: Object.fromEntries(positions),
              ended: [...ended],
            };
            yield { ...step.value, value: { name, value: step.value.value }, position: state };
            break;
          }
        }
      } finally {
        await Promise.all([...open.values()].map((stream) => stream.return?.()));
      }
    },
  };
}

function readPosition(position: Json | undefined, names: readonly string[]): MixPosition {
  if (position === undefined) return { drawn: 0, positions: {}, ended: [] };
  const given = position as Partial<MixPosition> | null;
  const known = Object.keys(given?.positions ?? {}).every((name) => names.includes(name));
  if (Number.isSafeInteger(given?.drawn) && given?.positions && Array.isArray(given.ended) && known) {
    return given as MixPosition;
  }
  throw new EmuError(
    'STREAM_POSITION',
    `Got ${JSON.stringify(position)}, wanted a position of a mixture of ${names.join(', ')}.`,
  );
}
