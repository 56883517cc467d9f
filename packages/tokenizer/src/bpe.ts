import { kinds, type SentencePieceModel } from './model.js';
import { PairQueue } from './pair-queue.js';
import { utf8Bytes } from './utf8.js';

/** Ids of one stretch of normalised text. Unknown characters become bytes, or the unknown id. */
export type EncodeStretch = (text: string) => number[];

/**
 * SentencePiece's BPE: a stretch starts as single characters (user-defined pieces stay whole), and the neighbours whose
 * concatenation is the piece of the highest score merge, the left-most first among equals, until none is left.
 * Pieces marked unused take part in merging and are split again afterwards, the way they were made.
 */
export function createBpe(model: SentencePieceModel, userDefined: RegExp | undefined): EncodeStretch {
  const { pieces, unkId, byteIds } = model;
  const vocabulary = new Map<string, number>();
  let longest = 0;
  for (const [id, { piece, type }] of pieces.entries()) {
    if (type !== kinds.normal && type !== kinds.userDefined && type !== kinds.unused) continue;
    vocabulary.set(piece, id);
    longest = Math.max(longest, piece.length);
  }
  const ranks = rankByScore(pieces.map((p) => p.score));

  /** Appends the ids of a symbol that merging left over. */
  const emit = (symbol: string, halves: Map<string, readonly [string, string]>, ids: number[]): void => {
    const id = vocabulary.get(symbol);
    const split = id !== undefined && pieces[id].type === kinds.unused ? halves.get(symbol) : undefined;
    if (split) for (const half of split) emit(half, halves, ids);
    else if (id !== undefined) ids.push(id);
    else if (byteIds) for (const byte of utf8Bytes(symbol.codePointAt(0)!)) ids.push(byteIds[byte]);
    else ids.push(unkId);
  };

  return (text) => {
    const symbols = splitSymbols(text, userDefined);
    const { start, length, next, previous, frozen } = symbols;
    const halves = new Map<string, readonly [string, string]>();
    const queue = new PairQueue();
    const consider = (left: number, right: number) => {
      if (left < 0 || right < 0 || frozen?.has(left) || frozen?.has(right)) return;
      const size = length[left] + length[right];
      if (size > longest) return;
      const merged = text.slice(start[left], start[left] + size);
      const id = vocabulary.get(merged);
      if (id === undefined) return;
      queue.push(ranks[id], left, id);
      if (pieces[id].type === kinds.unused) {
        halves.set(merged, [merged.slice(0, length[left]), merged.slice(length[left])]);
      }
    };

    for (let i = 1; i < start.length; i++) consider(i - 1, i);
    while (queue.size > 0) {
      const { left, piece } = queue.pop();
      const right = next[left];
      // Stale when either symbol has merged since: then the lengths no longer add up.
      if (length[left] === 0 || right < 0 || length[left] + length[right] !== pieces[piece].piece.length)
        continue;
      length[left] += length[right];
      length[right] = 0;
      next[left] = next[right];
      if (next[right] >= 0) previous[next[right]] = left;
      consider(previous[left], left);
      consider(left, next[left]);
    }

    const ids: number[] = [];
    for (let i = start.length > 0 ? 0 : -1; i >= 0; i = next[i]) {
      emit(text.slice(start[i], start[i] + length[i]), halves, ids);
    }
    return ids;
  };
}

/** A doubly linked list of symbols: −1 is no neighbour, length 0 a symbol that was merged away. */
interface Symbols {
  readonly start: number[];
  readonly length: number[];
  readonly next: number[];
  readonly previous: number[];
  readonly frozen: ReadonlySet<number> | undefined;
}

function splitSymbols(text: string, userDefined: RegExp | undefined): Symbols {
  const symbols = { start: [], length: [], next: [], previous: [] } as {
    [k in 'start' | 'length' | 'next' | 'previous']: number[];
  };
  const frozen = userDefined && new Set<number>();
  for (let at = 0, i = 0; at < text.length; i++) {
    let length = text.codePointAt(at)! > 0xffff ? 2 : 1;
    if (userDefined) {
      userDefined.lastIndex = at;
      const found = userDefined.exec(text)?.[0];
      if (found) {
        length = found.length;
        frozen!.add(i);
      }
    }
    symbols.start.push(at);
    symbols.length.push(length);
    symbols.previous.push(i - 1);
    at += length;
    symbols.next.push(at < text.length ? i + 1 : -1);
  }
  return { ...symbols, frozen };
}

/** 0 for the highest score; equal scores share a rank. */
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
