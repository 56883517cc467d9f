import type { CallOptions } from '@emu-ts/base';
import type { AnyTensor, DeviceTensor, Value } from '@emu-ts/graph';
import type { Params, ParamTree } from '@emu-ts/params';

/** What an image encoder is made for and what it gives. */
export interface VisualEncoderShape {
  /** Height and width of its pictures, in pixels. */
  readonly imageSize: number;
  /** Feature vectors of one picture. */
  readonly tokens: number;
  /** Length of one feature vector. */
  readonly width: number;
}

/** An image encoder as weights and a pure function: what training differentiates and export writes. */
export interface VisualEncoderModel<T extends ParamTree = ParamTree> extends VisualEncoderShape {
  /** Named by checkpoint path. */
  readonly params: T;
  /**
   * @param pixels f32 `[b 3 imageSize imageSize]`, normalised as the encoder was trained
   * @returns f32 `[b tokens width]`, ready to be the keys and values of the causal transformer
   */
  forward(p: Params<T>, pixels: Value): Value;
}

/** An image encoder with its weights, on some executor. */
export interface VisualEncoder extends VisualEncoderShape, AsyncDisposable {
  /**
   * @param pixels f32 `[b 3 imageSize imageSize]`, any b. Stays the caller's.
   * @returns f32 `[b tokens width]`, which the caller disposes
   * @throws ShapeError `SHAPE` for other pixels; EmuError `DISPOSED` after `dispose`
   */
  encode(pixels: AnyTensor, options?: CallOptions): Promise<DeviceTensor>;
  /** Frees the weights and programs, never the executor. */
  dispose(): Promise<void>;
}
