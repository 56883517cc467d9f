import { kinds, type SentencePieceModel } from './model.js';

/** A character of no piece: it never merges. */
export const unknownSymbol = -1;
/** A user-defined piece in the text, which never merges either; its own inverse. */
export const frozenSymbol = (id: number): number => -2 - id;

/**
 * What merges with what, by number. A symbol is a piece's id, or beyond the pieces a character that occurs in pieces
 * without being one.
 */
export interface Merges {
  /** The symbol of a character or piece. */
  symbol(text: string): number;
  /** The characters beyond the pieces, in the order of their symbols. */
  readonly characters: readonly string[];
  /** The piece that two neighbours make, or undefined. */
  merged(left: number, right: number): number | undefined;
  /** Order of merging by piece id: 0 for the highest score, equal scores alike. */
  readonly ranks: readonly number[];
}

/** Lists every way to cut every piece into two symbols. */
export function createMerges({ pieces }: SentencePieceModel): Merges {
  const symbols = new Map<string, number>();
  for (const [id, { piece, type }] of pieces.entries()) {
    if (type === kinds.normal || type === kinds.userDefined || type === kinds.unused) symbols.set(piece, id);
  }
  const whole = [...symbols];
  const characters: string[] = [];
  for (const character of whole.flatMap(([piece]) => [...piece])) {
    if (symbols.has(character)) continue;
    symbols.set(character, pieces.length + characters.length);
    characters.push(character);
  }

  const stride = pieces.length + characters.length;
  const pairs = new Map<number, number>();
  for (const [piece, id] of whole) {
    let cut = 0;
    for (const character of piece) {
      cut += character.length;
      const left = symbols.get(piece.slice(0, cut));
      if (left === undefined) continue;
      const right = symbols.get(piece.slice(cut));
      if (right !== undefined) pairs.set(left * stride + right, id);
    }
  }
  return {
    symbol: (text) => symbols.get(text) ?? unknownSymbol,
    characters,
    merged: (left, right) => (left < 0 || right < 0 ? undefined : pairs.get(left * stride + right)),
    ranks: rankByScore(pieces.map(({ score }) => score)),
  };
}

function rankByScore(scores: readonly number[]): number[] {
  const order = scores.map((_, id) => id).sort((a, b) => scores[b] - scores[a]);
  const ranks = new Array<number>(scores.length);
  let rank = -1;
  for (const [i, id] of order.entries()) {
    if (i === 0 || scores[id] !== scores[order[i - 1]]) rank++;
    ranks[id] = rank;
  }
  return ranks;
}
