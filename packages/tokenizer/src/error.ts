import { EmuError } from '@emu-ts/base';

/**
 * `code` is one of
 * - `TOKENIZER_MODEL`: the bytes are not a sound SentencePiece model;
 * - `TOKENIZER_TRAINING`: a vocabulary that cannot be learnt as asked;
 * - `TOKENIZER_UNSUPPORTED`: a sound model of a kind this package does not run;
 * - `SPECIAL_TOKEN`: a special token cannot be added;
 * - `TOKEN_ID`: an id that is not in the vocabulary.
 */
export class TokenizerError extends EmuError {}
