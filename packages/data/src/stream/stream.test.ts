import { EmuError } from '@emu-ts/base';
import { describe, expect, it } from 'vitest';
import { BadRows, RowError } from './bad-rows.js';
import { mixSources } from './mix.js';
import { type Row, type Shard, type StreamOptions, shardedSource } from './sharded.js';
import { batchSource, type DataSource, type Json, mapSource, type OpenOptions } from './source.js';

/** Shards of the given lengths whose rows are `shard/row`; opened counts how often each was. */
function shards(...lengths: number[]) {
  const opened: string[] = [];
  const list = lengths.map(
    (length, s): Shard<string> => ({
      name: `s${s}`,
      async *rows(from): AsyncGenerator<Row<string>> {
        opened.push(`s${s}@${from}`);
        for (let row = from; row < length; row++)
          yield { value: `${s}/${row}`, place: { file: `s${s}`, row } };
      },
    }),
  );
  return { list, opened };
}

const source = (lengths: number[], options: StreamOptions = {}) => {
  const { list } = shards(...lengths);
  return shardedSource(
    () => list,
    async (row: string, { draws }) => `${row}:${draws.int(1000)}`,
    options,
  );
};

async function take<T>(
  from: DataSource<T>,
  position?: Json,
  count = Number.POSITIVE_INFINITY,
  options?: OpenOptions,
) {
  const values: T[] = [];
  const positions: Json[] = [];
  for await (const item of from.open(position, options)) {
    values.push(item.value);
    positions.push(JSON.parse(JSON.stringify(item.position)));
    if (values.length === count) break;
  }
  return { values, positions };
}

const plain = (values: readonly string[]) => values.map((value) => value.split(':')[0]);

describe('a stream of shards', () => {
  it('gives every row once, in order without shuffling and in another order with it', async () => {
    const ordered = await take(source([3, 0, 2]));
    expect(plain(ordered.values)).toEqual(['0/0', '0/1', '0/2', '2/0', '2/1']);
    const { values } = await take(source([30, 20, 10], { shuffle: 16, seed: 1 }));
    expect(plain(values)).not.toEqual(plain((await take(source([30, 20, 10]))).values));
    expect(new Set(values).size).toBe(60);
    expect(await take(source([30, 20, 10], { shuffle: 16, seed: 1 }))).toEqual(
      await take(source([30, 20, 10], { shuffle: 16, seed: 1 })),
    );
    expect((await take(source([30, 20, 10], { shuffle: 16, seed: 2 }))).values).not.toEqual(values);
  });

  it.each([
    {},
    { shuffle: 7 },
    { shuffle: 100 },
    { shuffle: 5, epochs: 3 },
    { shuffle: 4, worldSize: 2, rank: 1 },
  ])('goes on from any position as if it had never stopped: %o', async (options) => {
    const whole = await take(source([5, 1, 9, 4], { ...options, seed: 3 }));
    for (const [i, position] of whole.positions.entries()) {
      const rest = await take(source([5, 1, 9, 4], { ...options, seed: 3 }), position);
      expect(rest.values).toEqual(whole.values.slice(i + 1));
    }
  });

  it('has another order and other random choices in each epoch', async () => {
    const { values } = await take(source([4, 4, 4], { shuffle: 6, epochs: 2 }));
    expect(new Set(plain(values.slice(0, 12)))).toEqual(new Set(plain(values.slice(12))));
    expect(plain(values.slice(0, 12))).not.toEqual(plain(values.slice(12)));
    expect(new Set(values).size).toBeGreaterThan(20);
  });

  it.each([[[5, 4, 3, 2, 6]], [[17]]])(
    'shares %o out between processes, every row to one of them',
    async (lengths) => {
      const each = await Promise.all(
        [0, 1, 2].map((rank) => take(source(lengths, { rank, worldSize: 3, shuffle: 4, seed: 5 }))),
      );
      const all = each.flatMap(({ values }) => plain(values));
      expect(new Set(all).size).toBe(lengths.reduce((sum, n) => sum + n, 0));
      expect(all).toHaveLength(new Set(all).size);
    },
  );

  it('opens a shard once for all its blocks', async () => {
    const { list, opened } = shards(50, 50);
    await take(
      shardedSource(
        () => list,
        async (row: string) => row,
        { shuffle: 8, seed: 1 },
      ),
    );
    expect(opened.sort()).toEqual(['s0@0', 's1@0']);
  });

  it('decodes ahead without changing the order', async () => {
    const slow = (ahead: number) =>
      shardedSource(
        () => shards(20).list,
        async (row: string, { draws }) => {
          await new Promise((resolve) => setTimeout(resolve, draws.range(0, 4)));
          return row;
        },
        { ahead },
      );
    expect(await take(slow(8))).toEqual(await take(slow(1)));
  });
});

/** Rows whose number is a multiple of three are bad. */
const holed = (options: StreamOptions = {}, length = 10) =>
  shardedSource(
    () => shards(length).list,
    async (row: string) => {
      if (Number(row.split('/')[1]) % 3 === 0) throw new RowError(`${row} is a multiple of three.`);
      return row;
    },
    options,
  );

describe('bad rows', () => {
  it('are counted with place and reason, and left out', async () => {
    const seen: string[] = [];
    const badRows = new BadRows({ keep: 2, onBadRow: ({ reason }) => seen.push(reason) });
    const { values } = await take(holed(), undefined, undefined, { badRows });
    expect(values).toEqual(['0/1', '0/2', '0/4', '0/5', '0/7', '0/8']);
    expect(badRows.count).toBe(4);
    expect(badRows.byCode).toEqual({ BAD_ROW: 4 });
    expect(badRows.first[1]).toEqual({
      place: { file: 's0', row: 3 },
      code: 'BAD_ROW',
      reason: '0/3 is a multiple of three.',
    });
    expect(seen).toHaveLength(4);
    expect(String(badRows)).toBe(
      '4 bad rows\ns0 row 0: 0/0 is a multiple of three.\ns0 row 3: 0/3 is a multiple of three.\nand 2 more',
    );
  });

  it('end the stream when there are too many, also after going on', async () => {
    await expect(take(holed({ maxBad: 2 }))).rejects.toThrow(
      /3 rows could not be read, more than the 2 allowed.*s0 row 6/,
    );
    const { positions } = await take(holed({ maxBad: 2 }), undefined, 4);
    await expect(take(holed({ maxBad: 2 }), positions[3])).rejects.toThrow(/3 rows/);
    await expect(take(holed({ maxBad: 4 }))).resolves.toBeDefined();
  });

  it('are no excuse for an endless loop over nothing', async () => {
    const nothing = take(holed({ epochs: Number.POSITIVE_INFINITY }, 1));
    await expect(nothing).rejects.toThrow(/holds no usable row.*multiple of three/s);
  });

  it('may end a shard, and the next one goes on', async () => {
    const broken: Shard<string> = {
      name: 'broken',
      async *rows(from) {
        if (from < 1) yield { value: 'b/0', place: { file: 'broken', row: 0 } };
        throw new EmuError('TAR', 'broken breaks off.');
      },
    };
    const badRows = new BadRows();
    const list = [broken, ...shards(2).list];
    const made = shardedSource(
      () => list,
      async (row: string) => row,
    );
    const { values, positions } = await take(made, undefined, undefined, { badRows });
    expect(values).toEqual(['b/0', '0/0', '0/1']);
    expect(badRows.first).toEqual([
      { place: { file: 'broken', row: 1 }, code: 'TAR', reason: 'broken breaks off.' },
    ]);
    const again = new BadRows();
    expect((await take(made, positions[0], undefined, { badRows: again })).values).toEqual(['0/0', '0/1']);
  });

  it('are not what mistakes in code are', async () => {
    const mistaken = shardedSource(
      () => shards(1).list,
      async (): Promise<string> => {
        throw new TypeError('x is undefined');
      },
    );
    await expect(take(mistaken)).rejects.toThrow(TypeError);
  });

  it('that are used in part are reported and used', async () => {
    const partly = shardedSource(
      () => shards(1).list,
      async (row: string, { report }) => {
        report(new RowError('half of it'));
        return row;
      },
    );
    const badRows = new BadRows();
    expect((await take(partly, undefined, undefined, { badRows })).values).toEqual(['0/0']);
    expect(badRows.first[0].reason).toBe('half of it');
  });
});

describe('stopping', () => {
  it('ends at once with the reason of the signal, and tells the decoders', async () => {
    const controller = new AbortController();
    const told: boolean[] = [];
    const hanging = shardedSource(
      () => shards(9).list,
      (_: string, { signal }) =>
        new Promise<string>((_, reject) => {
          signal.addEventListener('abort', () => {
            told.push(true);
            reject(signal.reason);
          });
          setTimeout(() => controller.abort(new Error('enough')), 5);
        }),
    );
    await expect(take(hanging, undefined, undefined, { signal: controller.signal })).rejects.toThrow(
      'enough',
    );
    expect(told.length).toBeGreaterThan(0);
  });

  it('refuses positions and options that are none', async () => {
    await expect(take(source([1]), 5)).rejects.toThrow(/Got 5, wanted a position/);
    expect(() => source([1], { rank: 2, worldSize: 2 })).toThrow(/rank 2 of 2, wanted 0 to 1/);
    expect(() => source([1], { shuffle: 0 })).toThrow(/shuffle 0, wanted a whole number of at least 1/);
  });
});

describe('a mixture', () => {
  const mix = (until?: 'all' | 'first') =>
    mixSources(
      { a: { source: source([300], { shuffle: 9 }), weight: 3 }, b: { source: source([20]), weight: 1 } },
      { seed: 4, until },
    );

  it('draws by weight, and with what is left when one ends', async () => {
    const { values } = await take(mix());
    expect(values).toHaveLength(320);
    expect(new Set(values.map(({ name, value }) => name + value)).size).toBe(320);
    const first = values.slice(0, 60).filter(({ name }) => name === 'a').length;
    expect(Math.abs(first - 45)).toBeLessThan(5 * Math.sqrt((60 * 3) / 16));
    const short = await take(mix('first'));
    expect(short.values.length).toBeLessThan(320);
  });

  it('goes on from any position as if it had never stopped', async () => {
    const whole = await take(mix());
    for (let i = 0; i < 320; i += 23) {
      expect((await take(mix(), whole.positions[i])).values).toEqual(whole.values.slice(i + 1));
    }
  });

  it('refuses weights that are none, and positions of other mixtures', async () => {
    expect(() => mixSources({ a: { source: source([1]), weight: 0 } })).toThrow(/weight 0 for 'a'/);
    expect(() => mixSources({})).toThrow(/no sources/);
    await expect(take(mix(), { drawn: 1, positions: { c: 0 }, ended: [] })).rejects.toThrow(
      /a mixture of a, b/,
    );
  });
});

it('a mapped source keeps its positions', async () => {
  const mapped = mapSource(source([3]), (value) => value.length);
  const { positions } = await take(mapped);
  expect(positions).toEqual((await take(source([3]))).positions);
});

it('batches go on where the last one ended', async () => {
  const batches = () => batchSource(source([7], { shuffle: 3 }), 3);
  const whole = await take(batches());
  expect(whole.values.map(({ length }) => length)).toEqual([3, 3, 1]);
  expect(whole.values.flat()).toEqual((await take(source([7], { shuffle: 3 }))).values);
  expect((await take(batches(), whole.positions[0])).values).toEqual(whole.values.slice(1));
  await expect(take(batchSource(source([1]), 0))).rejects.toThrow(/batches of 0/);
});
