/** The special tokens of Emu by meaning; the keys are in the order in which their ids follow the pieces. */
export const emuTokens = {
  pad: '[PAD]',
  imageOpen: '[IMG]',
  imageClose: '[/IMG]',
  image: '<image>',
  user: '[USER]',
  assistant: '[ASSISTANT]',
} as const;

export interface EncodeOptions {
  /** Begin with the begin-of-sequence id; true by default. */
  readonly bos?: boolean | undefined;
  /** End with the end-of-sequence id; false by default. */
  readonly eos?: boolean | undefined;
}

export interface DecodeOptions {
  /** Leave special tokens out of the text; true by default. */
  readonly skipSpecialTokens?: boolean | undefined;
}

/** Turns ids into text as they arrive. The deltas, joined, equal `decode` of all the ids. */
export interface StreamingDecoder {
  /** The text that became certain with this id; empty while a character is incomplete. */
  push(id: number): string;
  /** The text still held back. The decoder starts anew. */
  flush(): string;
}

/** Text to ids and back. Ids are rows of the language model's embedding table. */
export interface Tokenizer {
  /** How many ids there are: pieces and special tokens. */
  readonly size: number;
  readonly bosId: number;
  readonly eosId: number;
  /** Id of every special token by its text, those of the model file (`<s>`, `</s>`, `<unk>`) among them. */
  readonly special: ReadonlyMap<string, number>;

  /** @returns `[length]` ids, each in 0..size−1. Special tokens found in the text become their ids. */
  encode(text: string, options?: EncodeOptions): number[];
  /** @throws EmuError `TOKEN_ID` for an id outside 0..size−1. */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  /** A decoder with its own state; as many as wanted may run at once. */
  decoder(options?: DecodeOptions): StreamingDecoder;
}
