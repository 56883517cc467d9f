import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { instructTokens, pretrainTokens, Tokenizer } from './index.js';

const bytes = readFileSync(new URL('../../../fixtures/goldens/checkpoint/tokenizer.model', import.meta.url));
const tokenizer = Tokenizer.fromModel(bytes, { special: instructTokens });
const plain = (text: string) => tokenizer.encode(text, { bos: false });
const id = (token: string) => tokenizer.special.get(token)!;

describe('encode', () => {
  test('begins with BOS and does not end with EOS, unless told otherwise', () => {
    expect(tokenizer.encode('a cat')).toEqual([tokenizer.bosId, ...plain('a cat')]);
    expect(tokenizer.encode('a cat', { bos: false, eos: true })).toEqual([
      ...plain('a cat'),
      tokenizer.eosId,
    ]);
  });

  test('special tokens follow the pieces, in order', () => {
    const pieces = Tokenizer.fromModel(bytes).size;
    expect(instructTokens.map(id)).toEqual(instructTokens.map((_, i) => pieces + i));
    expect(tokenizer.size).toBe(pieces + instructTokens.length);
  });

  test('a special token that is a piece keeps its id and takes no new one', () => {
    const same = Tokenizer.fromModel(bytes, { special: ['</s>', '[PAD]'] });
    expect(same.special.get('[PAD]')).toBe(Tokenizer.fromModel(bytes).size);
  });

  test('whitespace beside a special token is dropped by default and kept on demand', () => {
    const text = 'a cat \n [IMG] <image>  a dog\x1f</s> ';
    expect(plain(text)).toEqual([
      ...plain('a cat'),
      id('[IMG]'),
      id('<image>'),
      ...plain('a dog'),
      id('</s>'),
    ]);
    const keep = Tokenizer.fromModel(bytes, { special: instructTokens, whitespace: 'keep' });
    expect(keep.encode(text, { bos: false })).toEqual([
      ...plain('a cat \n '),
      id('[IMG]'),
      ...plain(' '),
      id('<image>'),
      ...plain('  a dog\x1f'),
      id('</s>'),
      ...plain(' '),
    ]);
  });

  test('[USER] is ordinary text to the pretrained tokenizer', () => {
    const pretrained = Tokenizer.fromModel(bytes, { special: pretrainTokens });
    expect(pretrained.encode('[USER]').length).toBeGreaterThan(2);
    expect(tokenizer.encode('[USER]')).toHaveLength(2);
  });

  test('more distinct words than are remembered stay right', () => {
    const word = (i: number) => `w${i.toString(36)}`;
    const first = plain(word(7));
    for (let i = 0; i < 40_000; i++) plain(word(i));
    expect(plain(word(7))).toEqual(first);
  });

  test('one long word takes no quadratic time', () => {
    const text = 'abcdefghij'.repeat(30_000);
    expect(tokenizer.decode(plain(text))).toBe(text);
  });
});

describe('decode', () => {
  const euro = plain('€').slice(1);

  test('holds a character back until its bytes are whole', () => {
    const decoder = tokenizer.decoder();
    expect(euro).toHaveLength(3);
    expect([...euro, ...plain('a')].map((one) => decoder.push(one))).toEqual(['', '', '€', ' a']);
    expect(decoder.flush()).toBe('');
  });

  test('bytes that are no character become U+FFFD each, once that is certain', () => {
    const decoder = tokenizer.decoder();
    expect([euro[0], euro[1], ...plain('a')].map((one) => decoder.push(one))).toEqual([
      '',
      '',
      '\ufffd\ufffd a',
    ]);
    expect(decoder.push(euro[1])).toBe('\ufffd');
    expect(decoder.push(euro[0]) + decoder.flush()).toBe('\ufffd');
  });

  test('flush begins a new text: its dummy prefix goes too', () => {
    const decoder = tokenizer.decoder();
    const say = () =>
      plain('a cat')
        .map((one) => decoder.push(one))
        .join('') + decoder.flush();
    expect([say(), say()]).toEqual(['a cat', 'a cat']);
  });

  test('shown special tokens give the text that encodes to the same ids', () => {
    const ids = tokenizer.encode('a red circle[IMG]<image><image>[/IMG]left of it.</s>[PAD]');
    const text = tokenizer.decode(ids, { skipSpecialTokens: false });
    expect(text).toBe('<s>a red circle[IMG]<image><image>[/IMG]left of it.</s>[PAD]');
    expect(tokenizer.encode(text, { bos: false })).toEqual(ids);
  });

  test.each([-1, 1.5, Number.NaN, tokenizer.size])('id %d is refused', (bad) => {
    expect(() => tokenizer.decode([1, bad])).toThrow(expect.objectContaining({ code: 'TOKEN_ID' }));
  });
});

describe('fromModel', () => {
  test.each([
    ['', ''],
    ['[PAD]', '[PAD]'],
  ])('refuses the special tokens %j, %j', (...special) => {
    expect(() => Tokenizer.fromModel(bytes, { special })).toThrow(
      expect.objectContaining({ code: 'SPECIAL_TOKEN' }),
    );
  });

  test('every truncated file is a typed error', () => {
    for (let length = 0; length < bytes.length; length += 7) {
      const load = () => Tokenizer.fromModel(bytes.subarray(0, length));
      expect(load, `${length} bytes`).toThrow(expect.objectContaining({ code: 'TOKENIZER_MODEL' }));
    }
  });
});
