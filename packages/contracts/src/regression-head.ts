import type { CallOptions } from '@emu-ts/base';
import type { AnyTensor, DeviceTensor } from '@emu-ts/graph';

/** Says what the next image embedding is, where a language model's own head says what the next token is. */
export interface RegressionHead {
  /** Elements of a hidden state of the language model. */
  readonly width: number;
  /** Elements of an image embedding. */
  readonly embeddingWidth: number;

  /** Hidden states `[rows width]`, after the final norm → image embeddings `[rows embeddingWidth]`. */
  predict(hidden: AnyTensor, options?: CallOptions): Promise<DeviceTensor>;

  /**
   * Image embeddings → what the language model reads at the next position, `[rows width]`. Absent: the embeddings
   * themselves, as in Emu.
   */
  feedback?(embeddings: AnyTensor, options?: CallOptions): Promise<DeviceTensor>;
}
