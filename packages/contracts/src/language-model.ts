import type { CallOptions, HostTensor } from '@emu-ts/base';
import type { AnyTensor, DeviceTensor } from '@emu-ts/graph';

export interface SessionOptions extends CallOptions {
  /** Rows that advance together. */
  readonly batch: number;
  /** Positions that every row needs, padding included. Chosen once: what is kept of the past never grows. */
  readonly capacity: number;
}

export interface PrefillOptions extends CallOptions {
  /** `[batch]` positions at the start of each row that hold nothing. Only on an empty session; default none. */
  readonly padding?: readonly number[] | undefined;
  /** Which positions' hidden states to give back. Default `last`. */
  readonly positions?: 'last' | 'all' | undefined;
}

/**
 * Rows of text and images being read and continued: a language model and what it remembers of them. Calls come one
 * after the other. Hidden states are those after the final norm.
 */
export interface LanguageModelSession extends Disposable {
  /** Rows at present; `reorder` may change it. */
  readonly batch: number;
  readonly capacity: number;
  /** Positions filled so far in every row, padding included. */
  readonly length: number;

  /**
   * Appends `[batch t width]` input embeddings. May be called again, to append more.
   * @returns hidden states `[batch width]`, or `[batch t width]` for all positions
   * @throws EmuError `CAPACITY` when they do not fit
   */
  prefill(embeddings: AnyTensor, options?: PrefillOptions): Promise<AnyTensor>;

  /**
   * Appends one position: `[batch]` token ids, or embeddings `[batch width]`.
   * @returns hidden states `[batch width]`
   */
  step(next: readonly number[] | AnyTensor, options?: CallOptions): Promise<DeviceTensor>;

  /**
   * Row i goes on from what row `parents[i]` was. There may be more or fewer rows than before: a prompt read once is
   * continued by several beams.
   */
  reorder(parents: readonly number[], options?: CallOptions): Promise<void>;

  /** Forgets every position from `length` on. */
  truncate(length: number): void;
  dispose(): void;
}

/** A causal model over embeddings, some of which are rows of its own table. */
export interface LanguageModel {
  /** Elements of an embedding and of a hidden state. */
  readonly width: number;
  readonly vocabSize: number;
  /** Positions a row may have. */
  readonly contextLength: number;

  /**
   * Rows of the embedding table: `[ids width]`, f32.
   * @throws EmuError `TOKEN_ID` for an id outside 0..vocabSize−1
   */
  embed(ids: readonly number[], options?: CallOptions): Promise<HostTensor<'f32'>>;

  /** What each hidden state `[rows width]` says about the next token: `[rows vocabSize]`. */
  logits(hidden: AnyTensor, options?: CallOptions): Promise<DeviceTensor>;

  /** @throws EmuError `CONTEXT_LENGTH` when the capacity exceeds the context */
  open(options: SessionOptions): Promise<LanguageModelSession>;

  /**
   * The logits at every position of `[b t width]` embeddings, in one pass and without a session: `[b t vocabSize]`.
   * @param options.padding `[b]` positions at the start of each row that hold nothing
   */
  score(
    embeddings: AnyTensor,
    options?: CallOptions & { readonly padding?: readonly number[] | undefined },
  ): Promise<DeviceTensor>;
}
