import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expectSame, goldens } from '@emu-ts/testing';
import { describe, expect, test } from 'vitest';
import { instructTokens, pretrainTokens, Tokenizer } from './index.js';

/** The goldens' folder, and the real LLaMA model where one is at hand: it may not be copied into the repository. */
const root = new URL('../../../', import.meta.url);
const { path } = await goldens();
const llama =
  process.env.EMU_LLAMA_TOKENIZER ?? fileURLToPath(new URL('../shared/llama-tokenizer.model', root));

interface Case {
  readonly text: string;
  readonly ids: number[];
  readonly decoded: string;
}
interface Suite {
  readonly size: number;
  readonly special: Record<string, number>;
  readonly cases: Case[];
}
const json = <T>(name: string) => JSON.parse(readFileSync(path(name), 'utf8')) as T;

function check(file: string, tokenizer: Tokenizer, cases: readonly Case[]): void {
  for (const [i, { text, ids, decoded }] of cases.entries()) {
    const decoder = tokenizer.decoder();
    const streamed = ids.map((id) => decoder.push(id)).join('') + decoder.flush();
    expectSame(
      `${file} ${i} ${JSON.stringify(text).slice(0, 40)}`,
      [tokenizer.encode(text), tokenizer.decode(ids), streamed],
      [ids, decoded, decoded],
    );
  }
}

describe('the model of the goldens', () => {
  const tokenizer = Tokenizer.fromModel(readFileSync(path('checkpoint', 'tokenizer.model')), {
    special: pretrainTokens,
  });
  const generation = json<{ tokenizer: { len: number; special: Record<string, number> } }>('generation.json');

  test('has the reference vocabulary', () => {
    const { len, special } = generation.tokenizer;
    expect(Object.fromEntries(tokenizer.special)).toEqual(special);
    expectSame('generation tokenizer size', tokenizer.size, len);
  });

  test('every case of tokenizer.json is exact', () =>
    check('tokenizer', tokenizer, json<Case[]>('tokenizer.json')));

  test('every generated text of generation.json is exact', () => {
    const cases = Object.values(
      json<Record<string, { ids?: number[][]; text?: string[] }>>('generation.json'),
    );
    const rows = cases.flatMap(({ ids, text }) => (ids ?? []).map((row, i) => ({ row, text: text![i] })));
    expect(rows.length).toBeGreaterThan(0);
    for (const { row, text } of rows) expect(tokenizer.decode(row)).toBe(text);
  });
});

const missing = [llama, path('llama-tokenizer.json')].filter((file) => !existsSync(file));
const title = 'the 32,000-piece LLaMA model';
describe.skipIf(missing.length)(missing.length ? `${title}: skipped, no ${missing}` : title, () => {
  test.each([
    ['pretrain', pretrainTokens],
    ['instruct', instructTokens],
  ])('every case of llama-tokenizer.json is exact: %s', (name, special) => {
    const suite = json<Record<string, Suite>>('llama-tokenizer.json')[name];
    const tokenizer = Tokenizer.fromModel(readFileSync(llama), { special });
    expect(tokenizer.size).toBe(suite.size);
    expect(Object.fromEntries(tokenizer.special)).toEqual(suite.special);
    check(`llama-tokenizer ${name}`, tokenizer, suite.cases);
  });

  describe('prompts with known ids', () => {
    const tokenizers = () => ({
      strip: Tokenizer.fromModel(readFileSync(llama), { special: instructTokens }),
      keep: Tokenizer.fromModel(readFileSync(llama), { special: instructTokens, whitespace: 'keep' }),
    });
    /** `1967 32003x32 5` in full. */
    const expand = (ids: string) =>
      ids.split(' ').flatMap((run) => {
        const [one, times = '1'] = run.split('x');
        return new Array<number>(Number(times)).fill(Number(one));
      });
    const img = `[IMG]${'<image>'.repeat(32)}[/IMG]`;
    const slot = '32001 32003x32 32002';

    test.each([
      [
        'An image of a dog wearing a pair of glasses.[IMG]',
        '1 530 1967 310 263 11203 591 4362 263 5101 310 12917 267 29889 32001',
      ],
      [
        `${img}There are two dogs.${img}There are three pandas.${img}`,
        `1 ${slot} 1670 526 1023 26361 29889 ${slot} 1670 526 2211 11701 29889 ${slot}`,
      ],
      ['yes.', '1 4874 29889'],
      ['no.', '1 694 29889'],
      ['', '1'],
    ])('%s', (text, ids) => {
      const { strip, keep } = tokenizers();
      expect(strip.encode(text)).toEqual(expand(ids));
      expect(keep.encode(text)).toEqual(expand(ids));
    });

    test('in-context generation: kept spaces become ids of their own', () => {
      const { strip, keep } = tokenizers();
      const text = `This is the first image: ${img}This is the second image: ${img}The animal in the first image surrounded with the plant in the second image: [IMG]`;
      const ids = expand(
        `1 910 338 278 937 1967 29901 ${slot} 910 338 278 1473 1967 29901 ${slot} 450 13019 297 278 937 1967 22047 411 278 8024 297 278 1473 1967 29901 32001`,
      );
      expect(strip.encode(text)).toEqual(ids);
      expect(keep.encode(text)).toEqual(ids.flatMap((id) => (id === 32001 ? [29871, id] : [id])));
    });

    test('the instruct caption prompt of the COCO evaluation', () => {
      const { strip, keep } = tokenizers();
      const system =
        'You will be presented with an image: [IMG]ImageContent[/IMG]. You will be able to see the image after I provide it to you. Please answer my questions based on the given image.';
      const text = `${system} [USER]: ${img} please provide an accurate and concise description of the given image. [ASSISTANT]: the image depicts a photo of`;
      const ids = expand(
        `1 887 674 367 9132 411 385 1967 29901 32001 7084 3916 32002 869 887 674 367 2221 304 1074 278 1967 1156 306 3867 372 304 366 29889 3529 1234 590 5155 2729 373 278 2183 1967 29889 32004 584 ${slot} 3113 3867 385 16232 322 3022 895 6139 310 278 2183 1967 29889 32005 584 278 1967 1401 919 29879 263 15373 310`,
      );
      expect(strip.encode(text)).toEqual(ids);
      expect(keep.encode(text)).toHaveLength(ids.length + 5);
    });
  });
});
