import type { CallOptions, HostTensor } from '@emu-ts/base';
import type { AnyTensor, DeviceTensor, Value } from '@emu-ts/graph';
import type { Params, ParamTree } from '@emu-ts/params';

export interface LanguageModelShape {
  /** Elements of an embedding and of a hidden state. */
  readonly width: number;
  /** Rows of the embedding table, and logits per position. */
  readonly vocabSize: number;
  /** Positions a row may have. */
  readonly contextLength: number;
}

/** What a layer asks of its surroundings: who sees whom, and what is remembered, is not the model's business. */
export interface ReadContext {
  /** i32 `[b t]`, each in 0..contextLength−1. */
  readonly positions: Value;
  /**
   * Causal attention of one layer over the new positions and all before them: q, k, v f32 `[b heads t headSize]` to
   * the same shape, scores multiplied by `scale`. Called once per layer.
   */
  attend(
    layer: number,
    operands: { readonly q: Value; readonly k: Value; readonly v: Value },
    scale: number,
  ): Value;
  /**
   * Leaves a share of x out, in training: what low-rank updates read, each call other elements. Absent: nothing is
   * left out.
   */
  dropout?(x: Value, rate: number): Value;
}

/** A causal language model as weights and pure functions: what training differentiates and export writes. */
export interface LanguageModelModel<T extends ParamTree = ParamTree> extends LanguageModelShape {
  /** Named by checkpoint path. */
  readonly params: T;
  /** What is remembered of a position: a key and a value for every head of every layer. */
  readonly cache: { readonly layers: number; readonly heads: number; readonly headSize: number };
  /** ids i32 `[…]` → input embeddings f32 `[… width]` */
  embed(p: Params<T>, ids: Value): Value;
  /** Input embeddings f32 `[b t width]` → hidden states after the final norm, f32 `[b t width]` */
  read(p: Params<T>, embeddings: Value, context: ReadContext): Value;
  /** Hidden states f32 `[… width]` → logits of the next token, f32 `[… vocabSize]` */
  logits(p: Params<T>, hidden: Value): Value;
}

export interface SessionOptions extends CallOptions {
  /** Rows that advance together. */
  readonly batch: number;
  /** Positions that every row needs, padding included. Chosen once: what is kept of the past never grows. */
  readonly capacity: number;
}

export interface PrefillOptions extends CallOptions {
  /** `[batch]` positions at the start of each row that hold nothing. Only on an empty session; default none. */
  readonly padding?: readonly number[] | undefined;
  /** Positions at the start of the embeddings that are left out: the session has read as many. Default 0. */
  readonly start?: number | undefined;
  /** Which positions' hidden states to give back. Default `last`. */
  readonly positions?: 'last' | 'all' | undefined;
}

/** How `LanguageModelSession.draw` chooses tokens. */
export interface DrawOptions extends CallOptions {
  /** `[batch]` ids fed first. */
  readonly first: readonly number[];
  /** Tokens to choose for every row. */
  readonly steps: number;
  /** `[batch · steps]` numbers in [0, 1), row by row: one for each token. Absent: the first of the likeliest tokens. */
  readonly numbers?: Float32Array | undefined;
  /** Above 0; default 1. */
  readonly temperature?: number | undefined;
  /** Keep the k most likely tokens. Default all. */
  readonly topK?: number | undefined;
  /** Keep the most likely tokens that together reach this probability. Default 1, all. */
  readonly topP?: number | undefined;
  /** Tokens that may not be chosen in the first `after` steps. */
  readonly forbidden?: { readonly ids: readonly number[]; readonly after: number } | undefined;
  /** Makes these ids of each row, and what it chooses, less likely by this factor. */
  readonly repetition?:
    | { readonly penalty: number; readonly ids: readonly (readonly number[])[] }
    | undefined;
}

/** How `LanguageModel.continuations` chooses. */
export interface ContinuationsOptions extends CallOptions {
  /** `[prompts · beams]` Σ log p of every beam so far, prompt by prompt. */
  readonly scores: readonly number[];
  readonly beams: number;
  /** Continuations to name for every prompt; fewer where there are not as many. */
  readonly count: number;
  /** Tokens that may not come. */
  readonly forbidden?: readonly number[] | undefined;
  /** Makes these ids of each beam less likely by this factor, before the beam's score is added. */
  readonly repetition?:
    | { readonly penalty: number; readonly ids: readonly (readonly number[])[] }
    | undefined;
}

/** A way for a prompt to go on. */
export interface Continuation {
  /** 0..beams−1 of its prompt. */
  readonly beam: number;
  readonly token: number;
  /** The beam's score and log p of the token; −∞ for one that is forbidden. */
  readonly score: number;
}

/** How `LanguageModelSession.branch` goes on. */
export interface BranchOptions extends Omit<ContinuationsOptions, 'forbidden'> {
  /** `[prompts · beams]` ids fed first. */
  readonly first: readonly number[];
  readonly steps: number;
  /** Tokens with which no beam goes on. `count` is large enough for as many beams to remain. */
  readonly ends: readonly number[];
  /** Tokens that may not come in the first `after` steps. */
  readonly forbidden?: { readonly ids: readonly number[]; readonly after: number } | undefined;
}

/**
 * Rows of text and images being read and continued: a language model and what it remembers of them. Calls come one
 * after the other. Hidden states are those after the final norm; what is handed out, the caller disposes.
 */
export interface LanguageModelSession extends Disposable {
  /** Rows at present; `reorder` may change it. */
  readonly batch: number;
  /** At least what was asked for. */
  readonly capacity: number;
  /** Positions filled so far in every row, padding included. */
  readonly length: number;

  /**
   * Appends f32 `[batch t width]` input embeddings. May be called again, to append more.
   * @returns hidden states `[batch width]`, or `[batch t width]` for all positions that were read
   * @throws ShapeError `SHAPE` for other embeddings; EmuError `CAPACITY` when they do not fit
   */
  prefill(embeddings: AnyTensor, options?: PrefillOptions): Promise<AnyTensor>;

  /**
   * Appends one position: `[batch]` token ids, or embeddings f32 `[batch width]`.
   * @returns hidden states `[batch width]`
   * @throws as `prefill`, and EmuError `TOKEN_ID` for an id outside 0..vocabSize−1
   */
  step(next: readonly number[] | AnyTensor, options?: CallOptions): Promise<DeviceTensor>;

  /**
   * Row i goes on from what row `parents[i]` was. There may be more or fewer rows than before: a prompt read once is
   * continued by several beams.
   */
  reorder(parents: readonly number[], options?: CallOptions): Promise<void>;

  /**
   * Continues every row by itself: reads `first`, chooses a token from what that says, reads the token, and so on, several
   * steps ahead of what it hands out. Yields `[batch]` tokens a step, the last of which is not read. Whoever stops early
   * may find more positions read than tokens taken. Absent where tokens are best chosen by the caller.
   * @throws as `step`
   */
  readonly draw?: ((options: DrawOptions) => AsyncGenerator<number[], void>) | undefined;

  /**
   * Continues the beams of every prompt by themselves: reads `first`, names the best continuations as
   * `LanguageModel.continuations` does, goes on with the best of them that do not end, and so on, several steps ahead of
   * what it hands out. Yields the continuations of every prompt a step. Whoever stops finds the session as it was after the
   * step that was handed out last, its rows in the order of the beams that went on from it. Absent where continuations are
   * best chosen by the caller.
   * @throws as `step`
   */
  readonly branch?: ((options: BranchOptions) => AsyncGenerator<Continuation[][], void>) | undefined;

  /** Forgets every position from `length` on. */
  truncate(length: number): void;
  dispose(): void;
}

/** A language model with its weights, on some executor. */
export interface LanguageModel extends LanguageModelShape, AsyncDisposable {
  /**
   * Rows of the embedding table: f32 `[ids width]`.
   * @throws EmuError `TOKEN_ID` for an id outside 0..vocabSize−1
   */
  embed(ids: readonly number[], options?: CallOptions): Promise<HostTensor<'f32'>>;

  /**
   * Rows of the embedding table with image embeddings in some places, left where the model computes: `ids` of equally
   * long rows; `slots`, one for each id of the flattened rows, name a row of the embeddings, f32 `[… width]` one after the
   * other, or are −1 where the table's stays. Absent where nothing is gained by it.
   * @returns f32 `[rows t width]`
   * @throws as `embed`
   */
  readonly splice?:
    | ((
        ids: readonly (readonly number[])[],
        slots: readonly number[],
        embeddings: readonly AnyTensor[],
        options?: CallOptions,
      ) => Promise<DeviceTensor>)
    | undefined;

  /** What each hidden state f32 `[rows width]` says about the next token: `[rows vocabSize]`. */
  logits(hidden: AnyTensor, options?: CallOptions): Promise<DeviceTensor>;

  /**
   * The best continuations of every prompt's beams together, best first; of equals the first beam's first token. Takes the
   * hidden states f32 `[prompts · beams width]`, or `[prompts width]` where the beams of a prompt have read the same, and
   * waits for a few numbers instead of logits. Absent where continuations are best chosen by the caller.
   */
  readonly continuations?:
    | ((hidden: AnyTensor, options: ContinuationsOptions) => Promise<Continuation[][]>)
    | undefined;

  /** @throws EmuError `CONTEXT_LENGTH` when the capacity exceeds the context */
  open(options: SessionOptions): Promise<LanguageModelSession>;

  /**
   * The logits at every position of f32 `[b t width]` embeddings, in one pass and without a session:
   * `[b t vocabSize]`.
   * @param options.padding `[b]` positions at the start of each row that hold nothing
   */
  score(
    embeddings: AnyTensor,
    options?: CallOptions & { readonly padding?: readonly number[] | undefined },
  ): Promise<DeviceTensor>;

  /** Frees the weights and programs, never the executor. Sessions end before. */
  dispose(): Promise<void>;
}
