import {
  type Tokenizer as Contract,
  type DecodeOptions,
  type EncodeOptions,
  emuTokens,
  type StreamingDecoder,
} from '@emu-ts/contracts';
import { createBpe } from './bpe.js';
import { type DecoderTables, PieceDecoder } from './decode.js';
import { readModel } from './model.js';
import { createNormalizer, type Normalize } from './normalize.js';
import { createSplitter, type SplitSpecial, specialIds, type Whitespace } from './special.js';
import { createChunkEncoder, type EncodeChunk } from './words.js';

const { user, assistant, ...shared } = emuTokens;

/** Added tokens of the pretrained Emu, in order. */
export const pretrainTokens: readonly string[] = Object.values(shared);
/** Added tokens of the instruction-tuned Emu, in order. */
export const instructTokens: readonly string[] = [...pretrainTokens, user, assistant];

export interface TokenizerOptions {
  /** Added special tokens in order; their ids follow the model's pieces. None by default. */
  readonly special?: readonly string[] | undefined;
  /**
   * Whitespace next to a special token. `strip` (the default) drops it, as transformers before 4.34 did and Emu was
   * trained with; `keep` leaves it, as later versions do. Either way every text between special tokens gets its own
   * dummy prefix.
   */
  readonly whitespace?: Whitespace | undefined;
}

/**
 * The LLaMA tokenizer of Emu: special tokens are found first, and the text between them goes through a SentencePiece
 * BPE model. Equal to transformers 4.30's slow tokenizer, id by id; immutable but for a bounded cache of words.
 */
export class Tokenizer implements Contract {
  readonly size: number;
  readonly bosId: number;
  readonly eosId: number;
  readonly special: ReadonlyMap<string, number>;
  readonly #tables: DecoderTables;
  readonly #split: SplitSpecial;
  readonly #normalize: Normalize;
  readonly #encodeChunk: EncodeChunk;

  private constructor(bytes: Uint8Array, { special = [], whitespace = 'strip' }: TokenizerOptions) {
    const model = readModel(bytes);
    this.special = specialIds(model, special);
    this.size = Math.max(model.pieces.length, ...[...this.special.values()].map((id) => id + 1));
    this.bosId = model.bosId;
    this.eosId = model.eosId;
    this.#tables = {
      model,
      size: this.size,
      special: new Map([...this.special].map(([token, id]) => [id, token])),
    };
    this.#split = createSplitter(this.special, whitespace);
    this.#normalize = createNormalizer(model);
    this.#encodeChunk = createChunkEncoder(model, createBpe(model));
  }

  /**
   * @param bytes a whole `tokenizer.model` file.
   * @throws TokenizerError `TOKENIZER_MODEL` when it is damaged, `TOKENIZER_UNSUPPORTED` when it is not a BPE model of
   * the prefix form, `SPECIAL_TOKEN` when an added token is empty or repeated.
   */
  static fromModel(bytes: Uint8Array, options: TokenizerOptions = {}): Tokenizer {
    return new Tokenizer(bytes, options);
  }

  encode(text: string, { bos = true, eos = false }: EncodeOptions = {}): number[] {
    const ids = bos ? [this.bosId] : [];
    for (const part of this.#split(text)) {
      if (typeof part === 'number') ids.push(part);
      else this.#encodeChunk(this.#normalize(part), ids);
    }
    if (eos) ids.push(this.eosId);
    return ids;
  }

  decode(ids: Iterable<number>, options?: DecodeOptions): string {
    const decoder = this.decoder(options);
    let text = '';
    for (const id of ids) text += decoder.push(id);
    return text + decoder.flush();
  }

  decoder({ skipSpecialTokens = true }: DecodeOptions = {}): StreamingDecoder {
    return new PieceDecoder(this.#tables, skipSpecialTokens);
  }
}
