import { readFile } from 'node:fs/promises';
import { type HostTensor, toF64 } from '@emu-ts/base';
import type { Sequence } from '@emu-ts/contracts';
import { expectSame, type GoldenCases, type Goldens, goldenCases, goldens } from '@emu-ts/testing';
import { instructTokens, pretrainTokens, Tokenizer } from '@emu-ts/tokenizer';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  blend,
  chat,
  emuFormat,
  encodeSequence,
  fewShot,
  ignoredLabel,
  image,
  imageMarker,
  imagePlaceholder,
  inContextGeneration,
  padRight,
  parsePrompt,
  renderPrompt,
  sequenceTokens,
  shiftLabels,
  systemMessages,
  text,
  textToImage,
  trainingTargets,
} from './index.js';

let golden: Goldens;
let queries: number;
let cases: GoldenCases;
let model: Uint8Array;
let tokenizer: Tokenizer;

beforeAll(async () => {
  golden = await goldens();
  queries = (golden.config.emu.vladapter_cfg as { n_causal: number }).n_causal;
  cases = await goldenCases(golden);
  model = await readFile(golden.path('checkpoint', 'tokenizer.model'));
  tokenizer = Tokenizer.fromModel(model, { special: pretrainTokens });
});

const prompts = () => [...cases.generation, ...cases.rank].flatMap(([, { prompts }]) => prompts);
/** A number for each picture of a prompt. */
const numbered = (prompt: string) =>
  Array.from({ length: prompt.split(imagePlaceholder(queries)).length - 1 }, (_, i) => i);

describe('generation.json', () => {
  test('every prompt is read as a sequence, written as the same string and encoded to the same ids', () => {
    expect(prompts().length).toBeGreaterThan(0);
    const placeholder = imagePlaceholder(queries);
    for (const prompt of prompts()) {
      const images = numbered(prompt);
      const sequence = parsePrompt(prompt, images, { queries });
      const encoded = encodeSequence(tokenizer, sequence, { queries });
      expect(encoded.text).toBe(prompt);
      expect(encoded.ids).toEqual(tokenizer.encode(prompt));
      expect(encoded.images).toEqual(images);
      for (const slot of encoded.imageSlots) {
        expect(
          tokenizer.decode(encoded.ids.slice(slot - 1, slot + queries + 1), { skipSpecialTokens: false }),
        ).toBe(placeholder);
      }
    }
  });

  test('the builders write the prompts of the reference', () => {
    const built = prompts().flatMap((prompt) => {
      const parts = parsePrompt(prompt, numbered(prompt), { queries });
      const sequence = builders.map((build) => build(parts)).find(Boolean);
      return sequence ? [{ prompt, sequence }] : [];
    });
    for (const { prompt, sequence } of built) expect(renderPrompt(sequence, { queries })).toBe(prompt);
  });

  test('image generation prompts are the marked ones, opened by [IMG]', () => {
    expect(cases.drawing.length).toBeGreaterThan(0);
    for (const [name, { text: rows, placeholder }] of cases.drawing) {
      expect(placeholder, name).toBe(imageMarker);
      for (const marked of rows) {
        const images = Array.from({ length: marked.split(imageMarker).length - 1 }, (_, i) => i);
        const parts = parsePrompt(marked, images, { queries });
        const sequence = drawn(parts);
        const expanded = `${marked.replaceAll(imageMarker, imagePlaceholder(queries))}[IMG]`;
        expect(renderPrompt(sequence, { queries }), name).toBe(expanded);
        expect(parts, name).toEqual(sequence.slice(0, -1));
        expectSame(
          `generate_image.${name} prompt ${JSON.stringify(marked)}`,
          renderPrompt(sequence, { queries }),
          expanded,
        );
      }
    }
  });
});

/** A sequence that asks for a picture, by the builder that fits what stands before. */
function drawn(parts: Sequence<number>): Sequence<number> {
  const images = parts.flatMap((part) => (part.type === 'image' ? [part.image] : []));
  if (!images.length) return textToImage(parts.map(textOf).join(''));
  if (images.length > 1 && images.length === parts.length) return blend(images);
  const shown = images.map((image) => {
    const before = parts[parts.findIndex((part) => part.type === 'image' && part.image === image) - 1];
    return before?.type === 'text' ? { text: before.text, image } : { image };
  });
  return inContextGeneration(shown, textOf(parts.at(-1)));
}

const textOf = (part: Sequence<number>[number] | undefined): string =>
  part?.type === 'text' ? part.text : '';

/** Rebuild a prompt with a builder, where it is of the builder's kind. */
const builders: readonly ((parts: Sequence<number>) => Sequence<number> | undefined)[] = [
  function examples(parts) {
    const shots = parts.slice(0, -1);
    const asked = parts.at(-1);
    const regular = shots.every((part, i) => part.type === (i % 2 ? 'text' : 'image'));
    if (!shots.length || shots.length % 2 || !regular || asked?.type !== 'image') return undefined;
    const shown = shots.flatMap((part, i) =>
      part.type === 'image' ? [{ image: part.image, text: textOf(shots[i + 1]) }] : [],
    );
    return fewShot(shown, { image: asked.image });
  },
  function dialogue(parts) {
    const [opening, ...content] = parts;
    const question = textOf(content.at(-1));
    const asks = ' [ASSISTANT]:';
    if (textOf(opening) !== `${systemMessages.image} [USER]: ` || !question.endsWith(asks)) return undefined;
    return chat([
      { role: 'user', content: [...content.slice(0, -1), text(question.slice(0, -asks.length))] },
    ]);
  },
];

describe('the training batch', () => {
  const read = (name: string) => golden.activations.read(name);
  const rowsOf = async () => {
    const { shape, data } = await read('train.input_ids');
    const [batch, length] = shape;
    return Array.from({ length: batch }, (_, b) =>
      Array.from(data.slice(b * length, (b + 1) * length), Number),
    );
  };

  test('padding on the right gives the mask of the reference', async () => {
    const mask = await read('train.attention_mask');
    const { pad } = sequenceTokens(tokenizer);
    const rows = await rowsOf();
    const padded = padRight(
      rows.map((row) => row.filter((id) => id !== pad)),
      pad,
    );
    expectSame('train.input_ids padded', [...padded.ids.data], rows.flat());
    expectSame('train.attention_mask', [...padded.mask.data], Array.from(mask.data, Number));
  });

  test('text labels reproduce the reference loss from its logits', async () => {
    const logits = await read('train.logits');
    const format = emuFormat(tokenizer, { queries });
    const targets = (await rowsOf()).flatMap((row) => [...shiftLabels(format.targets(row).labels)]);
    const losses = crossEntropy(logits, targets);
    const scores = toF64(logits).reduce((largest, score) => Math.max(largest, Math.abs(score)), 0);
    await expectLoss('train.loss_text', losses, scores + Math.log(logits.shape[2]), logits.shape[2]);
  });

  test('regression pairs reproduce the reference loss from its predictions and embeddings', async () => {
    const predictions = await read('train.regress_pred');
    const embeddings = await read('train.inputs_embeds');
    const tokens = sequenceTokens(tokenizer);
    const rows = await rowsOf();
    const [, length, width] = embeddings.shape;
    const positions = rows.flatMap((row, b) => {
      const { regressionInputs, regressionLabels } = trainingTargets(row, tokens, { queries });
      expect([...regressionLabels]).toEqual(Array.from(regressionInputs, (at) => at + 1));
      expect([...regressionInputs].every((at) => [tokens.imageOpen, tokens.image].includes(row[at]))).toBe(
        true,
      );
      expect([...regressionLabels].every((at) => [tokens.image, tokens.imageClose].includes(row[at]))).toBe(
        true,
      );
      return Array.from(regressionLabels, (at) => b * length + at);
    });
    expect(positions).toHaveLength(predictions.shape[0]);
    const wanted = toF64(embeddings);
    const got = toF64(predictions);
    const squares = positions.flatMap((at, pair) =>
      Array.from({ length: width }, (_, c) => (got[pair * width + c] - wanted[at * width + c]) ** 2),
    );
    await expectLoss('train.loss_image_mse', squares, Math.max(...squares), 2);
  });

  /**
   * The mean of the terms equals a golden loss as far as f32 can tell: one rounding per addition, over the terms and
   * within each, of numbers up to `magnitude`.
   */
  async function expectLoss(
    name: string,
    terms: readonly number[],
    magnitude: number,
    within: number,
  ): Promise<void> {
    const [loss] = toF64(await read(name));
    const mean = terms.reduce((sum, term) => sum + term, 0) / terms.length;
    expect(Math.abs(mean - loss)).toBeLessThan((terms.length + within) * 2 ** -24 * magnitude);
  }
});

describe('instruction data', () => {
  test('only the answers of a chat are supervised, up to the end of their turn', () => {
    const tokenizer = Tokenizer.fromModel(model, { special: instructTokens });
    const format = emuFormat(tokenizer, { queries });
    const sequence = chat([
      { role: 'user', content: [image('a'), text('what is it?')] },
      { role: 'assistant', content: 'a red circle.' },
      { role: 'user', content: 'and its color?' },
      { role: 'assistant', content: [text('red. '), image('b')] },
    ]);
    const { ids } = format.encode(sequence);
    const { labels, regressionInputs } = format.targets(ids, { answersOnly: true });
    const asked = [...labels].filter((label) => label !== ignoredLabel);
    expect(tokenizer.decode(asked, { skipSpecialTokens: false })).toBe('a red circle.</s>red.</s>');
    expect(regressionInputs).toHaveLength(queries + 1);
    expect(regressionInputs[0]).toBeGreaterThan(ids.indexOf(tokenizer.special.get('[ASSISTANT]')!));
  });
});

/** −log softmax of each supervised row of `[…, vocabulary]` logits. */
function crossEntropy(logits: HostTensor, targets: readonly number[]): number[] {
  const vocabulary = logits.shape.at(-1)!;
  const data = toF64(logits);
  return targets.flatMap((target, row) => {
    if (target === ignoredLabel) return [];
    const scores = data.subarray(row * vocabulary, (row + 1) * vocabulary);
    const max = Math.max(...scores);
    const total = scores.reduce((sum, score) => sum + Math.exp(score - max), 0);
    return [max + Math.log(total) - scores[target]];
  });
}
