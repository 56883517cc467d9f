/**
 * UTF-8 as SentencePiece reads it: every byte that cannot begin a whole, valid character becomes U+FFFD by itself.
 * `TextDecoder` differs: it makes one U+FFFD of a truncated sequence.
 */

/** The UTF-8 encoding of a code point. */
export function utf8Bytes(c: number): number[] {
  if (c < 0x80) return [c];
  if (c < 0x800) return [0xc0 | (c >> 6), 0x80 | (c & 63)];
  if (c < 0x10000) return [0xe0 | (c >> 12), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63)];
  return [0xf0 | (c >> 18), 0x80 | ((c >> 12) & 63), 0x80 | ((c >> 6) & 63), 0x80 | (c & 63)];
}

/** Bytes of the character that a first byte announces; 0 when no character begins so. */
function announced(first: number): number {
  if (first < 0x80) return 1;
  if (first >= 0xc0 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf8 ? 4 : 0;
}

const smallest = [0, 0, 0x80, 0x800, 0x10000];
const isTrail = (byte: number) => (byte & 0xc0) === 0x80;
const isScalar = (c: number, length: number) =>
  c >= smallest[length] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);

/**
 * Takes what is certain from the front of `pending` and returns it as text; an unfinished character stays.
 * With `final`, nothing more will come: unfinished bytes become U+FFFD too.
 */
export function takeUtf8(pending: number[], final: boolean): string {
  let text = '';
  let at = 0;
  while (at < pending.length) {
    const length = announced(pending[at]);
    let have = 1;
    while (have < length && at + have < pending.length && isTrail(pending[at + have])) have++;
    if (have < length && at + have === pending.length && !final) break;
    let codePoint = length === 1 ? pending[at] : pending[at] & (0xff >> (length + 1));
    for (let i = 1; i < have; i++) codePoint = (codePoint << 6) | (pending[at + i] & 63);
    const whole = have === length && isScalar(codePoint, length);
    text += whole ? String.fromCodePoint(codePoint) : '\ufffd';
    at += whole ? length : 1;
  }
  pending.splice(0, at);
  return text;
}
