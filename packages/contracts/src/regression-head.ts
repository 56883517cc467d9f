import type { CallOptions } from '@emu-ts/base';
import type { AnyTensor, DeviceTensor, Value } from '@emu-ts/graph';
import type { Params, ParamTree } from '@emu-ts/params';

export interface RegressionHeadShape {
  /** Elements of a hidden state of the language model. */
  readonly width: number;
  /** Elements of an image embedding. */
  readonly embeddingWidth: number;
}

/** A regression head as weights and a pure function. */
export interface RegressionHeadModel<T extends ParamTree = ParamTree> extends RegressionHeadShape {
  /** Named by checkpoint path. */
  readonly params: T;
  /** Hidden states after the final norm, f32 `[… width]` → the next image embedding, f32 `[… embeddingWidth]` */
  forward(p: Params<T>, hidden: Value): Value;
}

/** Says what the next image embedding is, where a language model's own head says what the next token is. */
export interface RegressionHead extends RegressionHeadShape, AsyncDisposable {
  /**
   * @param hidden f32 `[rows width]`, after the final norm. Stays the caller's.
   * @returns f32 `[rows embeddingWidth]`, which the caller disposes
   */
  predict(hidden: AnyTensor, options?: CallOptions): Promise<DeviceTensor>;

  /**
   * Image embeddings → what the language model reads at the next position, f32 `[rows width]`. Absent: the embeddings
   * themselves, as in Emu.
   */
  feedback?(embeddings: AnyTensor, options?: CallOptions): Promise<DeviceTensor>;

  /**
   * Embeddings that were predicted one after the other, f32 `[rows embeddingWidth]` each, side by side where they were
   * predicted. Absent where nothing is gained by it.
   * @returns f32 `[rows n embeddingWidth]`, which the caller disposes
   */
  readonly stack?:
    | ((embeddings: readonly AnyTensor[], options?: CallOptions) => Promise<DeviceTensor>)
    | undefined;

  /** Frees the weights and programs, never the executor. */
  dispose(): Promise<void>;
}
