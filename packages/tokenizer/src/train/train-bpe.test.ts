import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../tokenizer.js';
import { trainBpe } from './train-bpe.js';

const texts = ['a red circle.', 'a red square.', 'the red circle is left of 12 circles.'];
const encode = (tokenizer: Tokenizer, text: string) =>
  tokenizer.encode(text, { bos: false }).map((id) => tokenizer.decode([id]));

describe('trainBpe', () => {
  const model = trainBpe(texts, { vocabSize: 320 });
  const tokenizer = Tokenizer.fromModel(model);

  it('makes frequent words pieces and keeps signs apart', () => {
    expect(encode(tokenizer, 'a red circle.')).toEqual(['a', 'red', 'circle', '.']);
    expect(tokenizer.size).toBeLessThanOrEqual(320);
  });

  it('loses nothing, not even what it has never seen', () => {
    for (const text of [...texts, 'grün – 紫  circles'])
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });

  it('depends on the texts, not on their order', () => {
    expect(trainBpe([...texts].reverse(), { vocabSize: 320 })).toEqual(model);
  });

  it('stops when no pair is left', () => {
    expect(Tokenizer.fromModel(trainBpe(['ab ab'], { vocabSize: 1000 })).size).toBe(3 + 256 + 3 + 2);
  });

  it('says how many pieces it needs', () => {
    expect(() => trainBpe(texts, { vocabSize: 260 })).toThrow(/at least 2\d\d pieces/);
  });
});
