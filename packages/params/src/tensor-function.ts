import { type CallOptions, ShapeError } from '@emu-ts/base';
import {
  type AnyTensor,
  type DeviceTensor,
  type Executor,
  formatType,
  graphOf,
  input,
  reachable,
  type Value,
} from '@emu-ts/graph';
import type { LoadOptions } from './load.js';
import { type Params, type ParamTree, paramInputs } from './param.js';
import { type PlacedParams, placeParams } from './placed.js';
import { ProgramCache } from './program-cache.js';
import { outside, type TensorSource } from './source.js';

/** A component as weights, named by checkpoint path, and a pure function of one tensor. */
export interface TensorModel<T extends ParamTree = ParamTree> {
  readonly params: T;
  forward(p: Params<T>, x: Value): Value;
}

export interface PlaceFunctionOptions extends Omit<LoadOptions, 'prefix'> {
  /** The operand's name in graphs and errors. */
  readonly operand: string;
  /** Shapes whose programs are kept. Default 4. */
  readonly programs?: number | undefined;
}

/** A model of one f32 tensor on an executor: traced and compiled at the first call with a shape. */
export class TensorFunction implements AsyncDisposable {
  readonly #placed: PlacedParams;
  readonly #trace: (x: Value) => Value;
  readonly #operand: string;
  readonly #programs: ProgramCache;

  /** Takes over the placed weights. */
  constructor(placed: PlacedParams, trace: (x: Value) => Value, operand: string, programs?: number) {
    this.#placed = placed;
    this.#trace = trace;
    this.#operand = operand;
    this.#programs = new ProgramCache(programs);
  }

  /** The result belongs to the caller, as `x` does. Throws `SHAPE` when the model does not take `x`. */
  async run(x: AnyTensor, { signal }: CallOptions = {}): Promise<DeviceTensor> {
    signal?.throwIfAborted();
    if (x.dtype !== 'f32') throw new ShapeError(`'${this.#operand}' must be f32, got ${formatType(x)}.`);
    const compile = async () => {
      const y = this.#trace(input(this.#operand, { dtype: x.dtype, shape: x.shape }));
      return this.#placed.compile(graphOf({ y }));
    };
    return this.#programs.with(x.shape.join(), compile, async (program) => {
      signal?.throwIfAborted();
      const given = await reachable(this.#placed.executor, x, { signal });
      return (await program.run({ [this.#operand]: given }, { signal })).y;
    });
  }

  /** Frees programs and weights once running calls have ended. */
  async dispose(): Promise<void> {
    await this.#programs.dispose();
    this.#placed.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/**
 * Loads a model's weights onto an executor. The source may hold other components too: only names below the roots of
 * the model's tree must fit, and they must fit exactly (`CHECKPOINT_MISMATCH`).
 */
export async function placeFunction(
  executor: Executor,
  model: TensorModel,
  source: TensorSource,
  { operand, programs, allowUnused = [], ...options }: PlaceFunctionOptions,
): Promise<TensorFunction> {
  const placed = await placeParams(executor, model.params, source, {
    ...options,
    allowUnused: [...allowUnused, outside(model.params)],
  });
  const p = paramInputs(model.params);
  return new TensorFunction(placed, (x) => model.forward(p, x), operand, programs);
}
