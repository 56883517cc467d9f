import type { DType } from '@emu-ts/base';
import type { Graph, TensorType, Value } from '@emu-ts/graph';
import type { Params, ParamTree } from '@emu-ts/params';
import type { OptimizerOptions, Treatment } from '../optimizer/groups.js';

/** Named values of one batch, run-time scalars (loss weights) among them. */
export type BatchValues = Readonly<Record<string, Value>>;
export type BatchTypes = Readonly<Record<string, TensorType>>;

export interface Losses {
  /** What is minimised: a scalar. */
  readonly loss: Value;
  /** What is logged: scalars, or vectors whose elements are logged by index. */
  readonly metrics?: Readonly<Record<string, Value>> | undefined;
}

/** What a model is trained on: its parameters and a batch to a loss. A pure function of values. */
export type Objective<T extends ParamTree> = (params: Params<T>, batch: BatchValues) => Losses;

export interface StepOptions<T extends ParamTree> {
  /** Every weight the objective uses, trained or not. */
  readonly params: T;
  readonly prefix?: string | undefined;
  readonly objective: Objective<T>;
  readonly optimizer: OptimizerOptions;
  /** Batches whose gradients are averaged into one update. Default 1. */
  readonly accumulate?: number | undefined;
  /** Keep an exponential moving average of the trained weights with this decay, such as 0.999. */
  readonly ema?: number | undefined;
  /**
   * Matrices and kernels (names that end in `weight`, of two dimensions or more) are rounded to this dtype before the
   * objective sees them; master copies and updates stay f32.
   */
  readonly compute?: DType | undefined;
  /** Patterns of weights that stay f32 all the same. Default: tables that are read by row. */
  readonly keepF32?: readonly string[] | undefined;
  /** Multiply the loss by a run-time scalar and divide gradients by it, so that f16 gradients do not vanish. */
  readonly lossScaling?: boolean | undefined;
  /** Recompute activations in the backward pass, in this many segments; fewer activations are kept. Default 1: none. */
  readonly segments?: number | undefined;
}

/** A graph, and which of its inputs are state that an output replaces. */
export interface StepGraph {
  readonly graph: Graph;
  /** Input name → output name. */
  readonly donate: Readonly<Record<string, string>>;
}

/** One training step of a model, ready to be traced for any batch shape. */
export interface TrainingStep {
  /** All weights of the model by checkpoint name. */
  readonly parameters: ReadonlyMap<string, TensorType>;
  /** Those that are trained. */
  readonly trained: ReadonlyMap<string, Treatment>;
  readonly groups: OptimizerOptions['groups'];
  readonly accumulate: number;
  readonly lossScaling: boolean;
  /**
   * Forward, gradients, clipping, AdamW and EMA as one graph, for an update from one batch. Its inputs are the batch,
   * weights by checkpoint name, optimiser state and scalars (see `names`); state goes out under the name it came in
   * with. Parameters that this batch does not reach are not touched.
   */
  trace(batch: BatchTypes): StepGraph;
  /** Forward and gradients, added to those of earlier batches: `optimizer.accumulated.NAME`. */
  traceAccumulation(batch: BatchTypes): StepGraph;
  /** Only forward and gradients: `optimizer.gradient.NAME` and the metrics. What a data-parallel worker runs. */
  traceGradients(batch: BatchTypes): StepGraph;
  /**
   * Only the update, from gradients of `accumulate` batches added up: `optimizer.accumulated.NAME`.
   * @param reached the parameters that those batches reach
   */
  traceUpdate(reached: readonly string[]): StepGraph;
  /** Only the losses: no gradients. */
  traceLosses(batch: BatchTypes): Graph;
}
