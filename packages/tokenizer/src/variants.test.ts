import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Tokenizer } from './index.js';

/** Models unlike LLaMA's, with the ids and texts that SentencePiece itself gives: see `fixtures/make.py`. */
interface Variant {
  readonly model: string;
  readonly cases: readonly [text: string, ids: number[], decoded: string][];
  readonly decode: readonly [ids: number[], decoded: string][];
}
const variants: Record<string, Variant> = JSON.parse(
  readFileSync(new URL('../fixtures/variants.json', import.meta.url), 'utf8'),
);

describe.each(Object.entries(variants))('%s', (_, { model, cases, decode }) => {
  const tokenizer = Tokenizer.fromModel(Buffer.from(model, 'base64'));

  test('encodes as SentencePiece does', () => {
    for (const [text, ids] of cases) {
      expect(tokenizer.encode(text, { bos: false }), JSON.stringify(text)).toEqual(ids);
    }
  });

  test('decodes as SentencePiece does', () => {
    for (const [, ids, decoded] of cases) {
      // SentencePiece shows unknown pieces; here they are special and left out.
      if (!ids.includes(0)) expect(tokenizer.decode(ids), JSON.stringify(ids)).toBe(decoded);
    }
    for (const [ids, decoded] of decode) expect(tokenizer.decode(ids), JSON.stringify(ids)).toBe(decoded);
  });
});
