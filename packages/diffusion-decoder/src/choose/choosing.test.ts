import { tensor } from '@emu-ts/base';
import type { SafetyChecker } from '@emu-ts/contracts';
import { imageDecoderChecks } from '@emu-ts/contracts/conformance';
import { interpreter } from '@emu-ts/graph';
import { describe, expect, it } from 'vitest';
import { condition, tinyDecoder } from '../../test/tiny-decoder.js';
import { createDiffusionDecoder } from '../decoder/diffusion-decoder.js';
import { choosing, type Look } from './choosing.js';

const call = { steps: 2, guidanceScale: 3, height: 8, width: 8, seed: 4 };
const plain = () => createDiffusionDecoder(tinyDecoder(interpreter()));

/** Sees six numbers of a picture: sums of pixels that lie six apart, from their mean. */
const look: Look = async (images) => {
  const out = tensor('f32', [images.length, 2, 3]);
  for (const [k, { data }] of images.entries()) {
    data.forEach((byte, i) => {
      out.data[k * 6 + (i % 6)] += byte - 127.5;
    });
  }
  return out;
};

const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x).reduce((s, v, i) => s + v * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

describe('the image decoder contract', () => {
  const create = async () => choosing(await plain(), { look, candidates: 2 });
  for (const { name, run } of imageDecoderChecks(create, { rows: 2, height: 8, width: 4 })) it(name, run);
});

it('gives for every condition the candidate that shows most of it', async () => {
  await using decoder = await plain();
  const both = condition(4);
  const count = 5;
  const chosen = await choosing(decoder, { look }).decode(both, { ...call, candidates: count });
  expect(chosen).toHaveLength(2);
  const rows = (from: number, to: number) => (both.data as Float32Array).slice(from * 6, to * 6);
  const repeated = [rows(0, 2), rows(2, 4)].flatMap((part) => Array.from({ length: count }, () => [...part]));
  const all = await decoder.decode(tensor('f32', [4 * count, 2, 3], repeated.flat()), call);
  const picked: number[] = [];
  for (const [i, image] of chosen.entries()) {
    const likeness = await Promise.all(
      Array.from({ length: count }, async (_, k) => {
        const { data } = await look([all[2 * k + i]], {});
        return [0, 1].reduce((sum, row) => {
          const seen = Array.from(data as Float32Array).slice(row * 3, row * 3 + 3);
          return sum + cosine(seen, rows(i, i + 1).slice(row * 3, row * 3 + 3));
        }, 0);
      }),
    );
    const best = likeness.indexOf(Math.max(...likeness));
    expect(image).toEqual(all[2 * best + i]);
    picked.push(best);
  }
  expect(picked.some((k) => k > 0)).toBe(true);
});

it('draws what the decoder alone draws where there is one candidate, or the noise is given', async () => {
  await using decoder = await plain();
  const chooser = choosing(decoder, { look, candidates: 3 });
  const alone = await decoder.decode(condition(2), call);
  expect(await chooser.decode(condition(2), { ...call, candidates: 1 })).toEqual(alone);
  const noisy = { ...call, latents: tensor('f32', [1, 4, 4, 4], new Float32Array(64).fill(0.5)) };
  expect(await chooser.decode(condition(2), noisy)).toEqual(await decoder.decode(condition(2), noisy));
});

it('gives a picture that was refused only where all were', async () => {
  for (const refused of [1, 2, 3]) {
    const safetyChecker: SafetyChecker = {
      check: async (images) => images.map((_, k) => ({ flagged: k < refused, scores: [] })),
      dispose: async () => {},
      [Symbol.asyncDispose]: async () => {},
    };
    await using decoder = await createDiffusionDecoder({ ...tinyDecoder(interpreter()), safetyChecker });
    const [image] = await choosing(decoder, { look, candidates: 3 }).decode(condition(2), call);
    expect(image.flagged).toBe(refused === 3);
  }
});

it('says when what is seen cannot be compared, and how many candidates there can be', async () => {
  await using decoder = await plain();
  const other: Look = async (images) => tensor('f32', [images.length, 3, 3]);
  await expect(
    choosing(decoder, { look: other, candidates: 2 }).decode(condition(2), call),
  ).rejects.toMatchObject({ code: 'SHAPE', message: expect.stringContaining('[2,3,3]') });
  expect(() => choosing(decoder, { look, candidates: 0 })).toThrow('candidates must be a whole number');
  await expect(decoder.decode(condition(2), { ...call, candidates: 2 })).rejects.toMatchObject({
    code: 'CANDIDATES',
  });
});
