import type { StreamingDecoder } from '@emu-ts/contracts';
import { TokenizerError } from './error.js';
import { kinds, type SentencePieceModel, spaceSymbol } from './model.js';
import { takeUtf8 } from './utf8.js';

/** Everything decoding looks at. */
export interface DecoderTables {
  readonly model: SentencePieceModel;
  readonly size: number;
  /** Text of every special id. */
  readonly special: ReadonlyMap<number, string>;
}

/**
 * Decodes one id at a time, as SentencePiece decodes a whole list: the dummy prefix goes from the very first piece, `▁`
 * becomes a space, byte pieces wait until their character is whole, and bytes that are no character become U+FFFD each.
 * Skipped special tokens leave no trace: bytes on both sides of one still make one character. When they are shown,
 * the text between two of them is decoded by itself.
 */
export class PieceDecoder implements StreamingDecoder {
  readonly #tables: DecoderTables;
  readonly #skip: boolean;
  readonly #pending: number[] = [];
  #start = true;

  constructor(tables: DecoderTables, skipSpecialTokens: boolean) {
    this.#tables = tables;
    this.#skip = skipSpecialTokens;
  }

  push(id: number): string {
    const { model, size, special } = this.#tables;
    if (!Number.isInteger(id) || id < 0 || id >= size) {
      throw new TokenizerError(
        'TOKEN_ID',
        `Token id ${id} is not in the vocabulary: wanted 0 to ${size - 1}.`,
      );
    }
    const token = special.get(id);
    if (token !== undefined) return this.#skip ? '' : this.flush() + token;
    const byte = model.byteValues.get(id);
    if (byte !== undefined) {
      this.#pending.push(byte);
      return this.#emitted(takeUtf8(this.#pending, false));
    }
    const bytes = this.#emitted(takeUtf8(this.#pending, true));
    return bytes + this.#piece(id);
  }

  flush(): string {
    const rest = takeUtf8(this.#pending, true);
    this.#start = true;
    return rest;
  }

  #piece(id: number): string {
    const { pieces, normalizer } = this.#tables.model;
    const { piece, type } = pieces[id];
    if (type === kinds.control) return '';
    const { addDummyPrefix, removeExtraWhitespaces } = normalizer;
    const prefixed =
      this.#start && (addDummyPrefix || removeExtraWhitespaces) && piece.startsWith(spaceSymbol);
    // The prefix is there once, but of extra whitespace every leading one goes.
    if (prefixed && !removeExtraWhitespaces) this.#start = false;
    const surface = prefixed ? piece.slice(spaceSymbol.length) : piece;
    return this.#emitted(surface.replaceAll(spaceSymbol, ' '));
  }

  #emitted(text: string): string {
    if (text !== '') this.#start = false;
    return text;
  }
}
