import { readFileSync } from 'node:fs';
import { EmuError, random } from '@emu-ts/base';
import { expect, test } from 'vitest';
import { pretrainTokens, Tokenizer } from './index.js';

const fixtures = new URL('../../../fixtures/goldens/checkpoint/', import.meta.url);
const bytes = readFileSync(new URL('tokenizer.model', fixtures));
const tokenizer = Tokenizer.fromModel(bytes, { special: pretrainTokens });

/** Integers below a bound, one after the other, always the same for a seed. */
function dice(seed: number): (below: number) => number {
  const source = random(seed);
  const size = 4096;
  let block = source.bits(size);
  let drawn = 0;
  return (below) => {
    if (drawn % size === 0) block = source.bits(size, drawn);
    return block[drawn++ % size] % below;
  };
}

/** Strings of every plane, whitespace of every kind, halves of surrogate pairs, and runs of ordinary words. */
const alphabets = [
  ['the', ' dog', ' is', ' a small', 'red circle', '.', ' images', ' two'],
  [' ', '  ', '\n', '\t', '\r', '\u00a0', '\u3000', '\u2028', '\x85', '\x1f'],
  ['é', 'ß', '世', '界', 'か', 'Ж', 'م', 'ह', 'ไ', '한'],
  ['😀', '👩\u200d🚀', '🦤', '🇫🇷', '\u{10ffff}', '\u{1d11e}'],
  ['\ud800', '\udc00', '\udbff', '\udfff'],
  ['\0', '\x7f', '\ufeff', '\ufffd', '\ufffe', '\u0301', '▁'],
  ['[IMG', '<0x41>', '<image', '[', '/IMG]', '<', '>', 's>'],
];
function draw(roll: (below: number) => number): string {
  let text = '';
  for (let left = roll(9); left > 0; left--) {
    const alphabet = alphabets[roll(alphabets.length)];
    text += alphabet[roll(alphabet.length)];
  }
  return text;
}

/** What must come back of a text: it has no UTF-8 for half a pair, and its space symbol reads as a space. */
const readable = (text: string) => text.replace(/\p{Surrogate}/gu, '\ufffd').replaceAll('▁', ' ');
const specials = ['<s>', '</s>', '<unk>', ...pretrainTokens];
const special = new RegExp(specials.map((t) => t.replace(/[[\]]/g, '\\$&')).join('|'));

test('100,000 random strings come back', () => {
  const roll = dice(1);
  for (let i = 0; i < 100_000; i++) {
    const text = draw(roll);
    if (special.test(text)) continue;
    const back = tokenizer.decode(tokenizer.encode(text));
    if (back !== readable(text)) expect(back, JSON.stringify(text)).toBe(readable(text));
  }
});

test('texts around special tokens come back stripped, joined by the space of their dummy prefix', () => {
  const roll = dice(2);
  for (let i = 0; i < 5_000; i++) {
    const words = Array.from({ length: roll(5) + 1 }, () => ['a cat', '世界', 'x.', ''][roll(4)]);
    const text = words.map((word) => `${word} ${specials[roll(specials.length)]}\n`).join('');
    expect(tokenizer.decode(tokenizer.encode(text)), text).toBe(
      words.filter((word) => word !== '').join(' '),
    );
  }
});

test('streamed deltas are whole characters and join to the decoded text', () => {
  const roll = dice(3);
  for (let i = 0; i < 5_000; i++) {
    // Bytes are over-represented: ids 3 to 258 of a byte-fallback model.
    const ids = Array.from({ length: roll(12) }, () => (roll(2) ? roll(tokenizer.size) : 3 + roll(256)));
    const decoder = tokenizer.decoder();
    const deltas = [...ids.map((id) => decoder.push(id)), decoder.flush()];
    expect(deltas.join('')).toBe(tokenizer.decode(ids));
    for (const delta of deltas) expect(delta).not.toMatch(/\p{Surrogate}/u);
  }
});

test('2,000 damaged files give a typed error or a tokenizer that works', () => {
  const roll = dice(4);
  let refused = 0;
  for (let i = 0; i < 2_000; i++) {
    const damaged = Uint8Array.from(bytes);
    for (let left = 1 + roll(4); left > 0; left--) damaged[roll(damaged.length)] ^= 1 << roll(8);
    try {
      const survivor = Tokenizer.fromModel(damaged, { special: pretrainTokens });
      survivor.decode(survivor.encode('a red circle[IMG] 世界\n'));
    } catch (error) {
      if (!(error instanceof EmuError)) throw error;
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(0);
});
