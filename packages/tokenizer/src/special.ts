import { stripEnd, stripStart } from '@emu-ts/base';
import { TokenizerError } from './error.js';
import type { SentencePieceModel } from './model.js';
import { alternatives } from './user-defined.js';

/** What happens to whitespace next to a special token: see `TokenizerOptions.whitespace`. */
export type Whitespace = 'strip' | 'keep';

/**
 * Ids of all special tokens: the model's own, then the added ones in order, after the pieces. A token that already is a
 * piece keeps that piece's id and takes no new one.
 *
 * @throws TokenizerError `SPECIAL_TOKEN` for an empty or repeated token.
 */
export function specialIds(model: SentencePieceModel, added: readonly string[]): Map<string, number> {
  const { pieces, unkId, bosId, eosId } = model;
  const special = new Map([unkId, bosId, eosId].map((id) => [pieces[id].piece, id]));
  let nextId = pieces.length;
  for (const [i, token] of added.entries()) {
    if (token === '' || added.indexOf(token) !== i) {
      throw new TokenizerError(
        'SPECIAL_TOKEN',
        `Special token ${i} is ${JSON.stringify(token)}: wanted a text that is not empty and appears once.`,
      );
    }
    if (special.has(token)) continue;
    const piece = pieces.findIndex((p) => p.piece === token);
    special.set(token, piece >= 0 ? piece : nextId++);
  }
  return special;
}

/** Cuts text at special tokens, longest first: the parts alternate between plain text and the ids found. */
export type SplitSpecial = (text: string) => (string | number)[];

export function createSplitter(special: ReadonlyMap<string, number>, whitespace: Whitespace): SplitSpecial {
  const pattern = alternatives(special.keys(), 'g');
  return (text) => {
    const parts: (string | number)[] = [];
    let end = 0;
    for (const match of text.matchAll(pattern)) {
      parts.push(text.slice(end, match.index), special.get(match[0])!);
      end = match.index + match[0].length;
    }
    parts.push(text.slice(end));
    if (whitespace === 'keep') return parts;
    const last = parts.length - 1;
    return parts.map((part, i) => {
      if (typeof part === 'number') return part;
      const left = i > 0 ? stripStart(part) : part;
      return i < last ? stripEnd(left) : left;
    });
  };
}
