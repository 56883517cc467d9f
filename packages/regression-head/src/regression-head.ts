import type { CallOptions } from '@emu-ts/base';
import type { RegressionHead, RegressionHeadModel } from '@emu-ts/contracts';
import { concat, dims, type Executor, graphOf, input, primitives, reshape } from '@emu-ts/graph';
import { flatten, type LoadOptions, ProgramCache, placeFunction, type TensorSource } from '@emu-ts/params';

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
  const stacks = new ProgramCache(2);
  const dispose = async () => {
    await stacks.dispose();
    await run.dispose();
  };
  return {
    width,
    embeddingWidth,
    predict: (hidden, call) => run.run(hidden, call),
    ...(executor.hasKernel?.(primitives.concat) && { stack: stackOn(executor, stacks) }),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

/** Puts embeddings [rows width] side by side where they are: [rows n width]. */
const stackOn =
  (executor: Executor, programs: ProgramCache): NonNullable<RegressionHead['stack']> =>
  (embeddings, { signal } = {}) => {
    const [{ dtype, shape }] = embeddings;
    const [rows, width] = shape;
    const compile = () => {
      const parts = embeddings.map((_, i) =>
        reshape(input(`embedding ${i}`, { dtype, shape }), [rows, 1, width]),
      );
      return executor.compile(graphOf({ stacked: concat(parts, 1) }));
    };
    const inputs = Object.fromEntries(embeddings.map((embedding, i) => [`embedding ${i}`, embedding]));
    return programs.with([embeddings.length, ...shape].join(), compile, async (program) => {
      return (await program.run(inputs, { signal })).stacked;
    });
  };

/** The head shares its root with the language model, so every name that is not its own is somebody else's. */
function besides({ params }: RegressionHeadModel): RegExp {
  const own = [...flatten(params).keys()].map((name) => name.replaceAll('.', '\\.'));
  return new RegExp(`^(?!(${own.join('|')})$)`);
}
