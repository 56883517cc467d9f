import type { CallOptions } from '@emu-ts/base';
import type { RegressionHead, RegressionHeadModel } from '@emu-ts/contracts';
import { dims, type Executor } from '@emu-ts/graph';
import { flatten, type LoadOptions, placeFunction, type TensorSource } from '@emu-ts/params';

export interface RegressionHeadOptions extends CallOptions {
  readonly executor: Executor;
  /** Such as `linearHead(linearHead14B)`. */
  readonly model: RegressionHeadModel;
  /** Holds the head's weights, and may hold those of other components. */
  readonly source: TensorSource;
  /** How weights are stored on the executor. Default: as their parameters declare, f32. */
  readonly dtype?: LoadOptions['dtype'];
}

/**
 * Loads a regression head onto an executor. Throws `CHECKPOINT_MISMATCH` with everything that does not fit, before
 * anything is read.
 */
export async function regressionHead({
  executor,
  model,
  source,
  ...options
}: RegressionHeadOptions): Promise<RegressionHead> {
  const { width, embeddingWidth } = model;
  const rows: RegressionHeadModel = {
    ...model,
    forward(p, hidden) {
      dims(hidden, `rows ${width}`);
      return model.forward(p, hidden);
    },
  };
  const run = await placeFunction(executor, rows, source, {
    ...options,
    operand: 'hidden',
    allowUnused: [besides(model)],
  });
  const dispose = () => run.dispose();
  return {
    width,
    embeddingWidth,
    predict: (hidden, call) => run.run(hidden, call),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

/** The head shares its root with the language model, so every name that is not its own is somebody else's. */
function besides({ params }: RegressionHeadModel): RegExp {
  const own = [...flatten(params).keys()].map((name) => name.replaceAll('.', '\\.'));
  return new RegExp(`^(?!(${own.join('|')})$)`);
}
