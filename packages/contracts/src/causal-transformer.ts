import type { CallOptions } from '@emu-ts/base';
import type { AnyTensor, DeviceTensor, Value } from '@emu-ts/graph';
import type { Params, ParamTree } from '@emu-ts/params';

/** What turns the features of a picture into image embeddings is made for, and what it gives. */
export interface CausalTransformerShape {
  /** Image embeddings of one picture. */
  readonly queries: number;
  /** Length of one feature vector of the image encoder. */
  readonly inputWidth: number;
  /** Length of one embedding: the width of the language model. */
  readonly outputWidth: number;
}

/** A causal transformer, or anything in its place, as weights and a pure function. */
export interface CausalTransformerModel<T extends ParamTree = ParamTree> extends CausalTransformerShape {
  /** Named by checkpoint path. */
  readonly params: T;
  /**
   * @param features f32 `[b tokens inputWidth]` of the image encoder
   * @returns f32 `[b queries outputWidth]`, in the space of the language model's input embeddings
   */
  forward(p: Params<T>, features: Value): Value;
}

/** The same with its weights, on some executor. */
export interface CausalTransformer extends CausalTransformerShape, AsyncDisposable {
  /**
   * @param features f32 `[b tokens inputWidth]`, any b. Stays the caller's.
   * @returns f32 `[b queries outputWidth]`, which the caller disposes
   * @throws ShapeError `SHAPE` for other features; EmuError `DISPOSED` after `dispose`
   */
  embed(features: AnyTensor, options?: CallOptions): Promise<DeviceTensor>;
  /** Frees the weights and programs, never the executor. */
  dispose(): Promise<void>;
}
