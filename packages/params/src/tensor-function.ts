import { type CallOptions, ShapeError } from '@emu-ts/base';
import { type AnyTensor, type DeviceTensor, formatType, graphOf, input, type Value } from '@emu-ts/graph';
import type { PlacedParams } from './placed.js';
import { ProgramCache } from './program-cache.js';

export interface TensorFunctionOptions {
  /** The operand's name in the graph. Default `x`. */
  readonly operand?: string | undefined;
  /** Shapes whose programs are kept. Default 4. */
  readonly programs?: number | undefined;
}

/**
 * A function of one f32 tensor and placed weights, on their executor: traced and compiled at the first call with a
 * shape.
 */
export class TensorFunction implements AsyncDisposable {
  readonly #placed: PlacedParams;
  readonly #trace: (x: Value) => Value;
  readonly #operand: string;
  readonly #programs: ProgramCache;

  /** @param trace builds the result from the operand and the weights' `paramInputs`; throws `ShapeError` */
  constructor(
    placed: PlacedParams,
    trace: (x: Value) => Value,
    { operand = 'x', programs = 4 }: TensorFunctionOptions = {},
  ) {
    this.#placed = placed;
    this.#trace = trace;
    this.#operand = operand;
    this.#programs = new ProgramCache(programs);
  }

  /** The result belongs to the caller, as `x` does. */
  async run(x: AnyTensor, { signal }: CallOptions = {}): Promise<DeviceTensor> {
    signal?.throwIfAborted();
    if (x.dtype !== 'f32') throw new ShapeError(`'${this.#operand}' must be f32, got ${formatType(x)}.`);
    const compile = async () => {
      const y = this.#trace(input(this.#operand, { dtype: x.dtype, shape: x.shape }));
      return this.#placed.compile(graphOf({ y }));
    };
    return this.#programs.with(x.shape.join(), compile, async (program) => {
      signal?.throwIfAborted();
      return (await program.run({ [this.#operand]: x }, { signal })).y;
    });
  }

  /** Disposes the programs, not the weights. */
  dispose(): Promise<void> {
    return this.#programs.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
