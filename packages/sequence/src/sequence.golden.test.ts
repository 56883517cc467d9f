import { readFile } from 'node:fs/promises';
import { type HostTensor, toF64 } from '@emu-ts/base';
import { type Goldens, goldens } from '@emu-ts/testing';
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
  text,
  textToImage,
  trainingTargets,
} from './index.js';

interface Case {
  readonly prompts?: readonly string[];
  readonly images?: number | null;
  readonly text?: readonly string[];
}
let golden: Goldens;
let queries: number;
let cases: Record<string, Case>;
let model: Uint8Array;
let tokenizer: Tokenizer;

beforeAll(async () => {
  golden = await goldens();
  queries = (golden.config.emu.multimodal_cfg as { n_causal: number }).n_causal;
  cases = await golden.json('generation.json');
  model = await readFile(golden.path('checkpoint', 'tokenizer.model'));
  tokenizer = Tokenizer.fromModel(model, { special: pretrainTokens });
});

describe('generation.json', () => {
  test('every prompt is read as a sequence, written as the same string and encoded to the same ids', () => {
    const prompts = Object.values(cases).flatMap(({ prompts }) => prompts ?? []);
    expect(prompts.length).toBeGreaterThan(0);
    const placeholder = imagePlaceholder(queries);
    for (const prompt of prompts) {
      const images = Array.from({ length: prompt.split(placeholder).length - 1 }, (_, i) => i);
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
    const built = {
      fewshot: fewShot(
        [
          { image: 0, text: 'There are two dogs.' },
          { image: 1, text: 'There are three pandas.' },
        ],
        { image: 2 },
      ),
      instruct_template: chat([{ role: 'user', content: [image(0), text('what is the man doing?')] }]),
    };
    for (const [name, sequence] of Object.entries(built)) {
      expect(renderPrompt(sequence, { queries }), name).toBe(cases[name].prompts![0]);
    }
  });

  test('image generation prompts are the marked ones, opened by [IMG]', () => {
    const built = {
      'generate_image.t2i': textToImage('An image of a dog wearing glasses.'),
      'generate_image.blend': blend([0, 1]),
      'generate_image.incontext': inContextGeneration(
        [
          { text: 'This is the first image: ', image: 0 },
          { text: 'This is the second image: ', image: 1 },
        ],
        'The animal in the first image: ',
      ),
    };
    for (const [name, sequence] of Object.entries(built)) {
      const marked = cases[name].text![0];
      const expanded = `${marked.replaceAll(imageMarker, imagePlaceholder(queries))}[IMG]`;
      expect(renderPrompt(sequence, { queries }), name).toBe(expanded);
      expect(
        parsePrompt(marked, [0, 1].slice(0, marked.split(imageMarker).length - 1), { queries }),
        name,
      ).toEqual(sequence.slice(0, -1));
    }
    expect(renderPrompt(textToImage(cases['generate_image.t2i'].text![1]), { queries })).toBe('[IMG]');
  });
});

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
    expect([...padded.ids.data]).toEqual(rows.flat());
    expect([...padded.mask.data]).toEqual(Array.from(mask.data, Number));
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
