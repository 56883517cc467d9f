import { type HostTensor, random, tensor, toF64 } from '@emu-ts/base';
import { type AnyTensor, isDeviceTensor } from '@emu-ts/graph';
import type { LanguageModel, LanguageModelSession } from '../language-model.js';
import { type ConformanceCheck, expectRejection, expectThat } from './check.js';

/**
 * The same numbers reached in another order of operations may differ by rounding: √u of f32 lies far above that, and far
 * below what another past would change.
 */
const alike = 2 ** -12;

/**
 * What a replacement for the language model must keep: whatever way a row is read, at once or in pieces, padded, in a
 * batch, after other beams, it says the same.
 *
 * @param create makes a new one, with weights, at every call; its context holds at least 16 positions
 */
export function languageModelChecks(create: () => Promise<LanguageModel>): ConformanceCheck[] {
  const check = (name: string, body: (kit: Kit) => Promise<void>): ConformanceCheck => ({
    name,
    async run() {
      const model = await create();
      try {
        await body(kitOf(model));
      } finally {
        await model.dispose();
      }
    },
  });

  return [
    check('embeds ids as f32 rows, the same every time', async ({ model }) => {
      const rows = await model.embed([0, model.vocabSize - 1, 0]);
      const wanted = [3, model.width];
      expectThat(
        rows.shape.join() === wanted.join(),
        () => `Embeddings must be [${wanted}], got [${rows.shape}].`,
      );
      const [first, last, again] = split(rows);
      expectThat(
        first.every((x, i) => x === again[i]),
        () => 'One id has two embeddings.',
      );
      expectThat(
        first.some((x, i) => x !== last[i]),
        () => 'Two ids have the same embedding.',
      );
    }),
    check('refuses ids outside the vocabulary', async ({ model, session }) => {
      for (const id of [-1, model.vocabSize, 0.5]) {
        await expectRejection(`embed([${id}])`, 'TOKEN_ID', () => model.embed([id]));
        using rows = await session(1);
        await expectRejection(`step([${id}])`, 'TOKEN_ID', () => rows.step([id]));
      }
    }),
    check('reads a row in pieces as it does at once', async ({ session, text, read, same }) => {
      using whole = await session(1);
      using pieces = await session(1);
      const wanted = await read(whole.prefill(text(1, 7)));
      await read(pieces.prefill(text(1, 3)));
      same('A row in pieces', await read(pieces.prefill(text(1, 7, 3))), wanted);
      expectThat(pieces.length === 7, () => `After 7 positions the length is ${pieces.length}.`);
      same('A step after pieces', await read(pieces.step([1])), await read(whole.step([1])));
    }),
    check(
      'reads on behind what it has read of the same embeddings',
      async ({ session, text, read, same }) => {
        using whole = await session(1);
        using pieces = await session(1);
        const wanted = await read(whole.prefill(text(1, 7)));
        await read(pieces.prefill(text(1, 3)));
        same(
          'A row from its fourth position on',
          await read(pieces.prefill(text(1, 7), { start: 3 })),
          wanted,
        );
        expectThat(pieces.length === 7, () => `After 7 positions the length is ${pieces.length}.`);
      },
    ),
    check(
      'gives all hidden states when asked, the last one among them',
      async ({ session, text, read, same }) => {
        using one = await session(2);
        using other = await session(2);
        const last = await read(one.prefill(text(2, 5)));
        const all = await read(other.prefill(text(2, 5), { positions: 'all' }));
        expectThat(
          all.shape.length === 3 && all.shape[1] === 5,
          () => `All of 5 positions gave [${all.shape}].`,
        );
        same('The last of all hidden states', lastOf(all), last);
      },
    ),
    check('scores a row as a session does', async ({ model, session, text, read, same }) => {
      using rows = await session(2);
      const scored = await read(model.score(text(2, 6)));
      const hidden = await read(rows.prefill(text(2, 6)));
      same('The last logits', await read(model.logits(hidden)), lastOf(scored));
    }),
    check('does not look ahead', async ({ model, text, read, same }) => {
      const before = await read(model.score(text(1, 6)));
      const changed = text(1, 6);
      (changed.data as Float32Array).fill(1, 5 * model.width);
      const after = await read(model.score(changed));
      const first = (t: HostTensor): HostTensor =>
        tensor('f64', [1, 5, model.vocabSize], toF64(t).slice(0, 5 * model.vocabSize));
      same('Logits before a changed position', first(after), first(before));
    }),
    check('ignores padding', async ({ model, session, text, read, same }) => {
      const short = text(1, 4);
      const padded = tensor('f32', [1, 6, model.width]);
      padded.data.fill(0.5);
      padded.data.set(short.data as Float32Array, 2 * model.width);
      using one = await session(1);
      using other = await session(1);
      const wanted = await read(one.prefill(short));
      same('A padded row', await read(other.prefill(padded, { padding: [2] })), wanted);
      same('A step after padding', await read(other.step([1])), await read(one.step([1])));
      const scored = await read(model.score(padded, { padding: [2] }));
      same('The score of a padded row', lastOf(scored), lastOf(await read(model.score(short))));
    }),
    check('steps by ids as by their embeddings', async ({ model, session, text, read, same }) => {
      using one = await session(2);
      using other = await session(2);
      await read(one.prefill(text(2, 3)));
      await read(other.prefill(text(2, 3)));
      const ids = [0, model.vocabSize - 1];
      const embeddings = await model.embed(ids);
      same('A step by embeddings', await read(other.step(embeddings)), await read(one.step(ids)));
    }),
    check('goes on from other rows after a reorder', async ({ session, text, read, same }) => {
      using rows = await session(2);
      await read(rows.prefill(text(2, 4)));
      await rows.reorder([1, 0, 1]);
      expectThat(rows.batch === 3, () => `Three rows were asked for, there are ${rows.batch}.`);
      await read(rows.step([1, 2, 3]));
      await rows.reorder([2, 2, 1]);
      const got = split(await read(rows.step([4, 5, 4])));

      const alone = async (row: number, ...ids: number[]) => {
        using single = await session(1);
        await read(single.prefill(rowOf(text(2, 4), row)));
        let hidden = await read(single.step([ids[0]]));
        for (const id of ids.slice(1)) hidden = await read(single.step([id]));
        return hidden;
      };
      same('Row 0', row(got[0]), await alone(1, 3, 4));
      same('Row 1', row(got[1]), await alone(1, 3, 5));
      same('Row 2', row(got[2]), await alone(0, 2, 4));
    }),
    check('forgets what is truncated', async ({ session, text, read, same }) => {
      using rows = await session(1);
      using fresh = await session(1);
      await read(rows.prefill(text(1, 6)));
      rows.truncate(3);
      expectThat(rows.length === 3, () => `Truncated to 3 positions, the length is ${rows.length}.`);
      await read(fresh.prefill(text(1, 3)));
      same('A step after truncating', await read(rows.step([2])), await read(fresh.step([2])));
    }),
    check('keeps sessions apart', async ({ session, text, read, same }) => {
      using one = await session(1);
      using other = await session(1);
      using undisturbed = await session(1);
      await read(one.prefill(text(1, 4)));
      await read(undisturbed.prefill(text(1, 4)));
      await read(other.prefill(text(1, 5, 2)));
      same('A step beside another session', await read(one.step([1])), await read(undisturbed.step([1])));
    }),
    check('refuses what does not fit', async ({ model, session, text }) => {
      await expectRejection('A session beyond the context', 'CONTEXT_LENGTH', () =>
        model.open({ batch: 1, capacity: model.contextLength + 1 }),
      );
      using rows = await session(2);
      const wide = tensor('f32', [2, 1, model.width + 1]);
      await expectRejection(`prefill([${wide.shape}])`, 'SHAPE', () => rows.prefill(wide));
      await expectRejection('A prefill of one row of two', 'SHAPE', () => rows.prefill(text(1, 2)));
      await expectRejection('A step of one id for two rows', 'SHAPE', () => rows.step([1]));
      const long = tensor('f32', [2, rows.capacity + 1, model.width]);
      await expectRejection('A prefill beyond the capacity', 'CAPACITY', () => rows.prefill(long));
      expectThat(rows.length === 0, () => `Nothing was read, the length is ${rows.length}.`);
    }),
    check('stops when aborted', async ({ model, session, text, read }) => {
      const signal = AbortSignal.abort();
      const aborted = 'AbortError';
      await expectRejection('An aborted embed', aborted, () => model.embed([0], { signal }));
      await expectRejection('An aborted open', aborted, () => model.open({ batch: 1, capacity: 4, signal }));
      await expectRejection('An aborted score', aborted, () => model.score(text(1, 2), { signal }));
      using rows = await session(1);
      await expectRejection('An aborted prefill', aborted, () => rows.prefill(text(1, 2), { signal }));
      using after = await session(1);
      await read(after.prefill(text(1, 2)));
    }),
    check('refuses work after it was disposed', async ({ model }) => {
      await model.dispose();
      await expectRejection('embed after dispose', 'DISPOSED', () => model.embed([0]));
    }),
  ];
}

interface Kit {
  readonly model: LanguageModel;
  session(batch: number): Promise<LanguageModelSession>;
  /** The first `positions` embeddings of a fixed text, without the first `from`: [batch positions−from width]. */
  text(batch: number, positions: number, from?: number): HostTensor;
  /** Reads a result and disposes it. */
  read(result: Promise<AnyTensor>): Promise<HostTensor>;
  same(what: string, got: HostTensor, wanted: HostTensor): void;
}

function kitOf(model: LanguageModel): Kit {
  const { width } = model;
  return {
    model,
    session: (batch) => model.open({ batch, capacity: 12 }),
    text(batch, positions, from = 0) {
      const length = positions - from;
      const rows = Array.from({ length: batch }, (_, i) =>
        Array.from(random(5, i).normal(length * width, from * width)),
      );
      return tensor('f32', [batch, length, width], rows.flat());
    },
    async read(result) {
      const t = await result;
      if (!isDeviceTensor(t)) return t;
      using owned = t;
      return await owned.read();
    },
    same(what, got, wanted) {
      const [a, b] = [toF64(got), toF64(wanted)];
      const largest = b.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
      const gap = b.reduce((m, x, i) => Math.max(m, Math.abs(x - a[i])), 0);
      expectThat(
        a.length === b.length && gap <= alike * largest,
        () => `${what} differs by ${gap}, where the largest number is ${largest}.`,
      );
    },
  };
}

/** The rows of [n width]. */
function split(t: HostTensor): Float64Array[] {
  const width = t.shape[t.shape.length - 1];
  const data = toF64(t);
  return Array.from({ length: data.length / width }, (_, i) => data.slice(i * width, (i + 1) * width));
}

const row = (data: Float64Array): HostTensor => tensor('f64', [1, data.length], data);

/** Position −1 of every row of [b t width]: [b width]. */
function lastOf(t: HostTensor): HostTensor {
  const [b, length, width] = t.shape;
  const rows = split(t).filter((_, i) => i % length === length - 1);
  return tensor('f64', [b, width], Float64Array.from(rows.flatMap((data) => [...data])));
}

/** Row `i` of [b t width], as [1 t width]. */
function rowOf(t: HostTensor, i: number): HostTensor {
  const [, length, width] = t.shape;
  const data = (t.data as Float32Array).slice(i * length * width, (i + 1) * length * width);
  return tensor('f32', [1, length, width], data);
}
