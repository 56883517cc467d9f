/**
 * SentencePiece's compiled rewriting rules: a double-array trie from UTF-8 strings to offsets into a table of
 * zero-terminated replacements. Layout: u32 trie bytes, trie units (u32, little endian), replacements.
 */
import { TokenizerError } from './error.js';
import { utf8Bytes } from './utf8.js';

export interface Rewrite {
  /** UTF-16 length of what is replaced. */
  readonly length: number;
  readonly replacement: string;
}

/** The longest rule that applies at a position of a well-formed string. */
export type Charsmap = (text: string, at: number) => Rewrite | undefined;

/** @throws TokenizerError `TOKENIZER_MODEL` when the sizes inside the blob do not add up. */
export function readCharsmap(blob: Uint8Array): Charsmap {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const trieBytes = blob.length >= 4 ? view.getUint32(0, true) : 0;
  if (trieBytes < 4 || trieBytes % 4 !== 0 || 4 + trieBytes > blob.length) {
    throw new TokenizerError(
      'TOKENIZER_MODEL',
      `The model's normaliser has ${blob.length} bytes and claims a trie of ${trieBytes}: it is damaged.`,
    );
  }
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + i * 4, true));
  const strings = blob.subarray(4 + trieBytes);
  const utf8 = new TextDecoder();

  return (text, at) => {
    const { length, value } = longestMatch(units, text, at);
    if (length === 0) return undefined;
    const end = strings.indexOf(0, value);
    return { length, replacement: utf8.decode(strings.subarray(value, end < 0 ? undefined : end)) };
  };
}

const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
/** Bit 31 marks a value, which no byte's label carries. */
const labelOf = (unit: number): number => (unit & 0x800000ff) >>> 0;
const hasValue = (unit: number): boolean => ((unit >>> 8) & 1) === 1;

function longestMatch(units: Uint32Array, text: string, at: number): { length: number; value: number } {
  const best = { length: 0, value: 0 };
  let node = offsetOf(units[0]);
  for (let end = at; end < text.length; ) {
    const codePoint = text.codePointAt(end)!;
    end += codePoint > 0xffff ? 2 : 1;
    let unit = 0;
    for (const byte of utf8Bytes(codePoint)) {
      node ^= byte;
      unit = units[node] ?? 0;
      if (labelOf(unit) !== byte) return best;
      node ^= offsetOf(unit);
    }
    if (hasValue(unit)) {
      best.length = end - at;
      best.value = (units[node] ?? 0) & 0x7fffffff;
    }
  }
  return best;
}
