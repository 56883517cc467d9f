import { TokenizerError } from '../error.js';
import { kinds, spaceSymbol } from '../model.js';
import { type PieceProto, writeModelProto } from '../model-proto.js';

export interface TrainBpeOptions {
  /**
   * Pieces in all: 3 control pieces, 256 bytes, merges and single characters. Fewer come out when the texts have no
   * pair left that occurs twice.
   */
  readonly vocabSize: number;
}

/**
 * Learns a SentencePiece BPE model of LLaMA's form (Sennrich et al., "Neural Machine Translation of Rare Words with
 * Subword Units", 2016): the pair of pieces that occurs most often becomes a piece, again and again. Pieces never reach
 * across a space nor join letters, digits and signs; a character of no piece falls back to bytes. Equally frequent pairs
 * are taken in the order of their text, so the same texts give the same model, in whatever order they come.
 *
 * @returns the bytes of a `tokenizer.model`
 * @throws TokenizerError `TOKENIZER_TRAINING` when the vocabulary has no room for the texts' characters
 */
export function trainBpe(texts: Iterable<string>, { vocabSize }: TrainBpeOptions): Uint8Array {
  const words = countWords(texts);
  const characters = [...new Set(words.flatMap(({ pieces }) => pieces))].sort();
  const room = vocabSize - fixed.length - characters.length;
  if (!(room >= 0)) {
    throw new TokenizerError(
      'TOKENIZER_TRAINING',
      `A vocabulary of ${vocabSize} has no room for ${fixed.length} fixed pieces and ${characters.length} characters.`,
      { hint: `Ask for at least ${fixed.length + characters.length} pieces.` },
    );
  }
  const known = new Set(characters);
  const learnt: string[] = [];
  while (learnt.length < room) {
    const pair = mostFrequent(words);
    if (!pair) break;
    const merged = pair.join('');
    merge(words, pair);
    // Two ways to the same piece are one piece.
    if (!known.has(merged)) learnt.push(merged);
    known.add(merged);
  }
  const scored = [...learnt, ...characters].map((piece, i) => ({ piece, score: -i, type: kinds.normal }));
  return writeModelProto({ pieces: [...fixed, ...scored] });
}

/** `<unk>`, `<s>`, `</s>` and a piece for each byte. */
const fixed: readonly PieceProto[] = [
  { piece: '<unk>', score: 0, type: kinds.unknown },
  { piece: '<s>', score: 0, type: kinds.control },
  { piece: '</s>', score: 0, type: kinds.control },
  ...Array.from({ length: 256 }, (_, value) => ({
    piece: `<0x${value.toString(16).toUpperCase().padStart(2, '0')}>`,
    score: 0,
    type: kinds.byte,
  })),
];

interface Word {
  pieces: string[];
  readonly count: number;
}
type Pair = readonly [left: string, right: string];

/** Runs of letters, of digits, and single signs, each with the space before it. */
const parts = new RegExp(
  `${spaceSymbol}?(\\p{L}[\\p{L}\\p{M}]*|\\p{N}+|[^\\p{L}\\p{N}${spaceSymbol}])|${spaceSymbol}`,
  'gu',
);

function countWords(texts: Iterable<string>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const [part] of `${spaceSymbol}${text.replaceAll(' ', spaceSymbol)}`.matchAll(parts)) {
      counts.set(part, (counts.get(part) ?? 0) + 1);
    }
  }
  return [...counts].map(([word, count]) => ({ pieces: [...word], count }));
}

function mostFrequent(words: readonly Word[]): Pair | undefined {
  const counts = new Map<string, { pair: Pair; count: number }>();
  for (const { pieces, count } of words) {
    for (let i = 1; i < pieces.length; i++) {
      const key = `${pieces[i - 1]} ${pieces[i]}`;
      const seen = counts.get(key);
      if (seen) seen.count += count;
      else counts.set(key, { pair: [pieces[i - 1], pieces[i]], count });
    }
  }
  let best: [key: string, pair: Pair, count: number] | undefined;
  for (const [key, { pair, count }] of counts) {
    if (count > 1 && (!best || count > best[2] || (count === best[2] && key < best[0])))
      best = [key, pair, count];
  }
  return best?.[1];
}

function merge(words: readonly Word[], [left, right]: Pair): void {
  for (const word of words) {
    const { pieces } = word;
    if (!pieces.includes(left)) continue;
    const out: string[] = [];
    for (let i = 0; i < pieces.length; i++) {
      const joins = pieces[i] === left && pieces[i + 1] === right;
      out.push(joins ? left + right : pieces[i]);
      if (joins) i++;
    }
    word.pieces = out;
  }
}
