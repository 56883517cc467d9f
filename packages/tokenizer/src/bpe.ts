import { createMerges, frozenSymbol, type Merges, unknownSymbol } from './merges.js';
import { kinds, type SentencePieceModel } from './model.js';
import { PairQueue } from './pair-queue.js';
import { createUserDefined, type MatchUserDefined } from './user-defined.js';
import { utf8Bytes } from './utf8.js';

/** Ids of one stretch of normalised text. Unknown characters become bytes, or the unknown id. */
export type EncodeStretch = (text: string) => number[];

/**
 * SentencePiece's BPE: a stretch starts as single characters (user-defined pieces stay whole), and the neighbours whose
 * concatenation is the piece of the highest score merge, the left-most first among equals, until none is left.
 * Pieces marked unused take part in merging and are split again afterwards, the way they were made.
 */
export function createBpe(model: SentencePieceModel): EncodeStretch {
  const tables: Tables = {
    model,
    merges: createMerges(model),
    userDefined: createUserDefined(model),
    unused: new Set(model.pieces.flatMap(({ type }, id) => (type === kinds.unused ? [id] : []))),
  };
  return (text) => {
    const stretch = new Stretch(text, tables);
    stretch.merge();
    return stretch.ids();
  };
}

interface Tables {
  readonly model: SentencePieceModel;
  readonly merges: Merges;
  readonly userDefined: MatchUserDefined;
  readonly unused: ReadonlySet<number>;
}

/** No neighbour on that side. */
const none = -1;
/** The symbol left where one merged into its left neighbour: it is in no pair. */
const gone = unknownSymbol;

/** A text while it merges: a doubly linked list of symbols, and the pairs that may merge. */
class Stretch {
  readonly #text: string;
  readonly #tables: Tables;
  readonly #symbols: number[] = [];
  readonly #start: number[] = [];
  readonly #next: number[] = [];
  readonly #previous: number[] = [];
  readonly #queue = new PairQueue();
  /** The last way in which each unused piece could be made. */
  #halves: Map<number, readonly [number, number]> | undefined;

  constructor(text: string, tables: Tables) {
    this.#text = text;
    this.#tables = tables;
    const { merges, userDefined } = tables;
    for (let at = 0; at < text.length; ) {
      const fixed = userDefined(text, at);
      const part = fixed ?? String.fromCodePoint(text.codePointAt(at)!);
      const symbol = merges.symbol(part);
      this.#symbols.push(fixed ? frozenSymbol(symbol) : symbol);
      this.#start.push(at);
      this.#previous.push(this.#start.length - 2);
      at += part.length;
      this.#next.push(at < text.length ? this.#start.length : none);
    }
  }

  merge(): void {
    const { merged } = this.#tables.merges;
    const symbols = this.#symbols;
    const next = this.#next;
    const previous = this.#previous;
    for (let i = 1; i < symbols.length; i++) this.#consider(i - 1, i);
    while (this.#queue.size > 0) {
      const { left, piece } = this.#queue.pop();
      const right = next[left];
      // Either symbol may have merged otherwise since the pair was queued.
      if (right === none || merged(symbols[left], symbols[right]) !== piece) continue;
      symbols[left] = piece;
      symbols[right] = gone;
      next[left] = next[right];
      if (next[right] !== none) previous[next[right]] = left;
      this.#consider(previous[left], left);
      this.#consider(left, next[left]);
    }
  }

  ids(): number[] {
    const ids: number[] = [];
    for (let i = this.#symbols.length > 0 ? 0 : none; i !== none; i = this.#next[i]) {
      this.#emit(this.#symbols[i], this.#start[i], ids);
    }
    return ids;
  }

  #consider(left: number, right: number): void {
    if (left === none || right === none) return;
    const { merges, unused } = this.#tables;
    const piece = merges.merged(this.#symbols[left], this.#symbols[right]);
    if (piece === undefined) return;
    this.#queue.push(merges.ranks[piece], left, piece);
    if (!unused.has(piece)) return;
    this.#halves ??= new Map();
    this.#halves.set(piece, [this.#symbols[left], this.#symbols[right]]);
  }

  #emit(symbol: number, at: number, ids: number[]): void {
    const { pieces, byteIds, unkId } = this.#tables.model;
    const halves = this.#halves?.get(symbol);
    if (halves) for (const half of halves) this.#emit(half, at, ids);
    else if (symbol <= frozenSymbol(0)) ids.push(frozenSymbol(symbol));
    else if (symbol >= 0 && symbol < pieces.length) ids.push(symbol);
    else if (!byteIds) ids.push(unkId);
    else for (const byte of utf8Bytes(this.#codePoint(symbol, at))) ids.push(byteIds[byte]);
  }

  /** The character of a symbol that is no piece. */
  #codePoint(symbol: number, at: number): number {
    if (symbol === unknownSymbol) return this.#text.codePointAt(at)!;
    return this.#tables.merges.characters[symbol - this.#tables.model.pieces.length].codePointAt(0)!;
  }
}
