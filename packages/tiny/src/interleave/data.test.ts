import { tensor } from '@emu-ts/base';
import { colourNames, isHeldOutObject, shapeNames } from '@emu-ts/data';
import type { RgbImage } from '@emu-ts/media';
import { describe, expect, it } from 'vitest';
import { queries, vision } from '../model/config.js';
import { formatOf, tokenizerOf } from '../model/model.js';
import { learnTokenizer } from '../words/tokenizer.js';
import { interleavedBatches } from './data.js';
import { neverShown } from './never-shown.js';

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

  it('leave out of the choice what training keeps back, and nothing else', () => {
    const piece = (word: string) => tokenizer.encode(`a ${word}`).at(-1) as number;
    const excluded = neverShown(tokenizer);
    for (const colour of colourNames)
      for (const shape of shapeNames) {
        const ids = tokenizer.encode(`a large ${colour} ${shape}`);
        const wrong = shapeNames.filter((other) => isHeldOutObject({ colour, shape: other, size: 'large' }));
        if (wrong.includes(shape)) continue;
        expect(excluded(ids).get(ids.length - 1) ?? []).toEqual(wrong.map(piece));
      }
    expect(excluded(tokenizer.encode('a red thing above a star')).size).toBe(0);
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
