/** Why a sequence is over: an end token (or nothing left that was allowed), or the limit on its length. */
export type FinishReason = 'stop' | 'length';

export interface GeneratedSequence {
  /** Begin token, generated tokens, and the end token when there was one. */
  readonly ids: readonly number[];
  readonly finishReason: FinishReason;
  /** Of a beam hypothesis: Σ log p, end token included, over length^lengthPenalty (begin token counted, end not). */
  readonly score?: number | undefined;
}

/** A generated token that is certain to stay; end tokens are not reported. */
export interface TokenEvent {
  readonly type: 'token';
  readonly prompt: number;
  /** Index among the sequences returned for the prompt. */
  readonly sequence: number;
  /** Index among the tokens of the sequence. */
  readonly index: number;
  readonly token: number;
}

export interface FinishEvent {
  readonly type: 'finish';
  readonly prompt: number;
  readonly sequence: number;
  readonly generated: GeneratedSequence;
}

export type GenerateEvent = TokenEvent | FinishEvent;

/** What to feed next, or nothing when all rows are done. */
export interface SearchStep {
  readonly events: readonly GenerateEvent[];
  /** `[rows]` */
  readonly next?: readonly number[] | undefined;
  /** `[rows]` the row that each row goes on from; absent: its own. */
  readonly parents?: readonly number[] | undefined;
}

/** A way of choosing tokens: host-side bookkeeping, without a model. */
export interface Search {
  /** Rows fed to the model at each step, a multiple of the number of prompts. */
  readonly rows: number;
  /** @param logits the last position's logits of one row; not to be written to */
  advance(logits: (row: number) => Float32Array): SearchStep;
}
