import type { CallOptions } from '@emu-ts/base';
import type { CausalTransformer, CausalTransformerModel } from '@emu-ts/contracts';
import type { Executor } from '@emu-ts/graph';
import { type LoadOptions, placeFunction, type TensorSource } from '@emu-ts/params';

export interface CausalTransformerOptions extends CallOptions {
  readonly executor: Executor;
  /** Such as `t5CausalTransformer(causalTransformer14B)` or `averagePooling(…)`. */
  readonly model: CausalTransformerModel;
  /** Holds the model's weights, and may hold those of other components. */
  readonly source: TensorSource;
  /** How weights are stored on the executor. Default: as their parameters declare, f32. */
  readonly dtype?: LoadOptions['dtype'];
}

/** T5's own token table, which the released checkpoint carries although nothing reads it. */
const allowUnused = [/^cformer\.cformer\.embed_tokens\.weight$/];

/**
 * Loads a causal transformer, or what stands in its place, onto an executor. Throws `CHECKPOINT_MISMATCH` with
 * everything that does not fit, before anything is read.
 */
export async function causalTransformer({
  executor,
  model,
  source,
  ...options
}: CausalTransformerOptions): Promise<CausalTransformer> {
  const run = await placeFunction(executor, model, source, { ...options, operand: 'features', allowUnused });
  const { queries, inputWidth, outputWidth } = model;
  const dispose = () => run.dispose();
  return {
    queries,
    inputWidth,
    outputWidth,
    embed: (features, call) => run.run(features, call),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
