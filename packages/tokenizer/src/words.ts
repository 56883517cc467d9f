import type { EncodeStretch } from './bpe.js';
import { kinds, type SentencePieceModel, spaceSymbol } from './model.js';

const cachedWords = 1 << 15;
const cachedLength = 32;

/** Appends the ids of a normalised chunk. */
export type EncodeChunk = (chunk: string, ids: number[]) => void;

/**
 * Encodes a chunk word by word, remembering words. Cutting before a `▁` that follows another character changes nothing
 * as long as no piece reaches across such a place, which the pieces tell; a model where one does, or whose unused
 * pieces tie the whole chunk together, is encoded in one stretch.
 */
export function createChunkEncoder(model: SentencePieceModel, stretch: EncodeStretch): EncodeChunk {
  const { pieces, unkId, byteIds } = model;
  const reaches = new RegExp(`[^${spaceSymbol}]${spaceSymbol}`);
  const whole = pieces.some(({ piece, type }) => type === kinds.unused || reaches.test(piece));
  const cache = new Map<string, readonly number[]>();

  const word = (text: string): readonly number[] => {
    const known = cache.get(text);
    if (known) return known;
    const ids = stretch(text);
    if (text.length <= cachedLength) {
      if (cache.size === cachedWords) cache.clear();
      cache.set(detach(text), ids);
    }
    return ids;
  };

  return (chunk, ids) => {
    const first = ids.length;
    for (let at = 0; at < chunk.length; ) {
      const end = whole ? chunk.length : wordEnd(chunk, at);
      for (const id of word(chunk.slice(at, end))) {
        // Without bytes to fall back to, a run of unknown characters is one unknown id.
        if (id === unkId && !byteIds && ids.length > first && ids[ids.length - 1] === unkId) continue;
        ids.push(id);
      }
      at = end;
    }
  };
}

/** A word is a run of `▁` and what follows, up to the next `▁`. */
function wordEnd(chunk: string, at: number): number {
  let end = at;
  while (end < chunk.length && chunk[end] === spaceSymbol) end++;
  end = chunk.indexOf(spaceSymbol, end);
  return end < 0 ? chunk.length : end;
}

/** A copy with its own memory: engines let a substring keep the whole text it was cut from alive. */
const detach = (text: string): string => ` ${text}`.slice(1);
