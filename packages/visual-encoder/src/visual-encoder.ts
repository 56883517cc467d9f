import type { CallOptions } from '@emu-ts/base';
import type { VisualEncoder, VisualEncoderModel } from '@emu-ts/contracts';
import type { Executor } from '@emu-ts/graph';
import { type LoadOptions, placeFunction, type TensorSource } from '@emu-ts/params';

export interface VisualEncoderOptions extends CallOptions {
  readonly executor: Executor;
  /** Such as `evaClip(evaClipG14)`. */
  readonly model: VisualEncoderModel;
  /** Holds the model's weights, and may hold those of other components. */
  readonly source: TensorSource;
  /** How weights are stored on the executor. Default: as their parameters declare, f32. */
  readonly dtype?: LoadOptions['dtype'];
}

/** In the checkpoint, checked, and computing nothing. */
const unused = [/^visual\.(norm|head)\./];

/**
 * Loads an image encoder onto an executor. Throws `CHECKPOINT_MISMATCH` with everything that does not fit, before
 * anything is read.
 */
export async function visualEncoder({
  executor,
  model,
  source,
  ...options
}: VisualEncoderOptions): Promise<VisualEncoder> {
  const run = await placeFunction(executor, model, source, { ...options, operand: 'pixels', unused });
  const { imageSize, tokens, width } = model;
  const dispose = () => run.dispose();
  return {
    imageSize,
    tokens,
    width,
    encode: (pixels, call) => run.run(pixels, call),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
