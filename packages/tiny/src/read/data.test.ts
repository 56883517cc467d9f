import { tensor } from '@emu-ts/base';
import {
  colourNames,
  isHeldOutObject,
  makeSample,
  shapeNames,
  sizeNames,
  type TaskName,
  taskNames,
} from '@emu-ts/data';
import type { RgbImage } from '@emu-ts/media';
import { describe, expect, it } from 'vitest';
import { queries, vision } from '../model/config.js';
import { formatOf, tokenizerOf } from '../model/model.js';
import { learnTokenizer } from '../words/tokenizer.js';
import { interleavedBatches } from './data.js';
import { asksForKeptBack, keptBack } from './kept-back.js';
import { lesson } from './prompts.js';

const tokenizer = tokenizerOf(learnTokenizer(1), 'base');
const options = {
  seed: 3,
  split: 'train',
  form: 'document',
  kinds: [
    { tasks: ['caption'], rows: 3, share: 2 },
    { tasks: ['video-caption'], rows: 2, share: 1 },
  ],
  tokenizer,
  format: formatOf(tokenizer),
  padId: tokenizer.special.get('[PAD]') as number,
  imageSize: vision.imageSize,
  /** The first byte of a picture for all of its embeddings. */
  see: async (pictures: readonly RgbImage[]) =>
    tensor(
      'f32',
      [pictures.length, queries, 1],
      Float32Array.from(pictures.flatMap(({ data }) => new Array<number>(queries).fill(data[0]))),
    ),
} as const;

describe('interleaved batches', () => {
  it('come in the same order from any position', async () => {
    const first = interleavedBatches(options);
    const all = await Promise.all(Array.from({ length: 9 }, (_, i) => first(i)));
    const later = interleavedBatches(options);
    for (const i of [7, 4, 8]) expect(await later(i)).toEqual(all[i]);
  });

  it('come back after a while, as embeddings of pictures that were seen once', async () => {
    let seen = 0;
    const see = (pictures: readonly RgbImage[]) => {
      seen += pictures.length;
      return options.see(pictures);
    };
    const kinds = [{ tasks: ['caption'], rows: 2, share: 1 }] as const;
    const batch = interleavedBatches({ ...options, kinds, see, passes: 2 });
    const pass = 12 * 4;
    const all = await Promise.all(Array.from({ length: 3 * pass }, (_, i) => batch(i)));
    expect(seen).toBe(2 * pass * 2);
    const idsOf = (from: number) =>
      all.slice(from, from + pass).map(({ ids }) => Array.from(ids.data, Number).join());
    expect(new Set(idsOf(0))).toEqual(new Set(idsOf(pass)));
    expect(idsOf(2 * pass).some((ids) => idsOf(0).includes(ids))).toBe(false);
    expect(all[0].image_embeddings.shape.slice(1)).toEqual([queries, 1]);
  });

  it('take turns by their shares', async () => {
    const batch = interleavedBatches(options);
    const rows = (await Promise.all(Array.from({ length: 6 }, (_, i) => batch(i)))).map(
      ({ ids }) => ids.shape[0],
    );
    expect(rows.filter((n) => n === 3)).toHaveLength(4);
  });

  it('ask for replies, not for questions', async () => {
    const kinds = [{ tasks: ['question'], rows: 24, share: 1 }] as const;
    const { text_labels } = await interleavedBatches({ ...options, kinds })(0);
    const asked = Array.from(text_labels.data, Number).filter((id) => id >= 0);
    const words = tokenizer.decode(
      asked.map((id) => (id === tokenizer.eosId ? tokenizer.encode('.').at(-1) : id)) as number[],
    );
    expect(asked.filter((id) => id === tokenizer.eosId)).toHaveLength(24);
    expect(words).not.toMatch(/\?|which|what|is /);
    expect(words).toMatch(/yes|no|red|small|circle/);
  });

  const piece = (word: string) => tokenizer.encode(`a ${word}`).at(-1) as number;
  const excluded = keptBack(tokenizer);

  it('leave out of the choice what training keeps back, and nothing else', () => {
    for (const colour of colourNames)
      for (const shape of shapeNames)
        for (const size of sizeNames) {
          if (isHeldOutObject({ colour, shape, size })) continue;
          const ids = tokenizer.encode(`a ${size} ${colour} ${shape}`);
          const found = excluded(ids, []);
          const shapes = shapeNames.filter((other) => isHeldOutObject({ colour, shape: other, size }));
          expect(found.get(ids.length - 1) ?? []).toEqual(shapes.map(piece));
          const sizes = sizeNames.filter((other) => isHeldOutObject({ colour, shape, size: other }));
          expect(found.get(ids.length - 3) ?? []).toEqual(sizes.map(piece));
        }
    expect(excluded(tokenizer.encode('a red thing above a star'), []).size).toBe(0);
  });

  const count = (sequence: Parameters<typeof options.format.encode>[0]) =>
    options.format.encode(sequence, { eos: false }).ids.length;

  /** Samples of a task as tokens, with what the model says of them. */
  const told = (task: TaskName, n: number, seed = 3) =>
    Array.from({ length: n }, (_, i) => {
      const { whole, turns } = lesson(makeSample({ seed, split: 'train', tasks: [task] }, i), 'document');
      const spoken = turns.map(({ asked, answered, truth }) => ({
        from: count(asked),
        to: count(answered),
        truth,
      }));
      return { ids: options.format.encode(whole).ids, spoken };
    });

  it('leave out of short answers what no training picture could have shown', () => {
    let answers = 0;
    for (const { ids, spoken } of told('question', 400)) {
      const [{ from, truth }] = spoken;
      const found = excluded(ids, spoken);
      if (truth.kind !== 'answer' || truth.asked !== 'colour') continue;
      const { shape, size } = truth.about ?? {};
      expect(ids[from]).toBe(piece(truth.value as string));
      const never = colourNames.filter((colour) => shape && size && isHeldOutObject({ colour, shape, size }));
      expect(found.get(from) ?? []).toEqual(never.map(piece));
      answers++;
    }
    expect(answers).toBeGreaterThan(20);
  });

  it('leave out of what things change to the colours that they never have', () => {
    let changes = 0;
    for (const { ids, spoken } of told('video-caption', 200)) {
      const [{ truth }] = spoken;
      if (truth.kind !== 'events') continue;
      const found = excluded(ids, spoken);
      for (const { object, colour } of truth.events) {
        if (!colour) continue;
        const never = colourNames.filter((other) => isHeldOutObject({ ...object, colour: other }));
        expect([...found.values()].filter((out) => out.join() === never.map(piece).join())).not.toEqual([]);
        changes++;
      }
    }
    expect(changes).toBeGreaterThan(20);
  });

  it.each(taskNames)('never leave out what %s says', (task) => {
    for (const { ids, spoken } of told(task, 150))
      for (const [at, names] of excluded(ids, spoken)) expect(names).not.toContain(ids[at]);
  });

  it('do not learn that what training keeps back is not there', async () => {
    const kinds = [{ tasks: ['question'], rows: 100, share: 1 }] as const;
    let [loaded, unanswered] = [0, 0];
    for (const seed of [1, 2, 3, 4]) {
      const asked = told('question', 400, seed).map(({ spoken }) => spoken[0].truth);
      const suggesting = asked.filter(asksForKeptBack);
      expect(suggesting.every((truth) => truth.kind === 'answer' && truth.value === false)).toBe(true);
      loaded += suggesting.length;
      // The same 400 samples, cut into batches: as many rows learn nothing but the end.
      const batch = interleavedBatches({ ...options, seed, kinds });
      for (let i = 0; i < 4; i++) {
        const { ids, text_inputs, text_labels } = await batch(i);
        const [rows, length] = ids.shape;
        const labels = Array.from(text_labels.data, Number);
        const places = labels.flatMap((label, k) =>
          label >= 0 && label !== tokenizer.eosId ? [Number(text_inputs.data[k])] : [],
        );
        unanswered += rows - new Set(places.map((at) => Math.floor(at / length))).size;
      }
    }
    expect(loaded).toBeGreaterThan(2);
    expect(unanswered).toBe(loaded);
  });

  it('show every sample of a group once', async () => {
    const batch = interleavedBatches({ ...options, kinds: [options.kinds[0]] });
    const rows = (await Promise.all(Array.from({ length: 4 }, (_, i) => batch(i)))).flatMap(({ ids }) => {
      const [n, length] = ids.shape;
      return Array.from({ length: n }, (_, r) => [...ids.data.slice(r * length, (r + 1) * length)].join());
    });
    expect(new Set(rows).size).toBe(rows.length);
  });
});
