import type { CallOptions, HostTensor } from '@emu-ts/base';
import type { Executor } from '@emu-ts/graph';
import type { TensorSource } from '@emu-ts/params';
import type { Json } from '../files/checkpoints.js';
import type { MetricRecord } from '../files/metrics.js';
import type { Schedule } from '../optimizer/schedule.js';
import type { WorkerLike } from '../parallel/messages.js';
import type { TrainingStep } from '../step/types.js';
import type { LossScaleOptions } from './loss-scale.js';
import type { Pace } from './progress-line.js';
import type { TrainingState } from './state.js';

export interface TrainingBatch {
  /** What the objective takes, by name. */
  readonly tensors: Readonly<Record<string, HostTensor>>;
  /** Where the data goes on after this batch; `open` takes it. */
  readonly position: Json;
}

/** Batches that can be taken up again anywhere. The same position gives the same batches. */
export interface TrainingData {
  /** @param position of the last batch that was used; absent: from the start */
  open(position: Json | undefined, options: CallOptions): AsyncIterable<TrainingBatch>;
}

export interface Validation {
  /** The same batches every time. */
  readonly data: TrainingData;
  /** Updates from one validation to the next. */
  readonly every: number;
  /** Batches of one validation. Default: all. */
  readonly batches?: number | undefined;
}

export interface TrainOptions extends CallOptions {
  readonly executor: Executor;
  readonly step: TrainingStep;
  /** Starting weights by checkpoint name, such as `tensorSource(initialize(tree, { seed }))` or an open checkpoint. */
  readonly weights: TensorSource;
  readonly data: TrainingData;
  /** Updates in all, those of earlier parts of the run included. */
  readonly updates: number;
  /** Factor on every group's rate. Default constant. */
  readonly schedule?: Schedule | undefined;
  /** Run-time scalars of the objective, such as `weight.image`, by update counted from 0. */
  readonly scalars?: ((update: number) => Readonly<Record<string, number>>) | undefined;
  /** Names the run's randomness; a run is only taken up with the seed it was started with. Default 0. */
  readonly seed?: number | undefined;
  /** Where checkpoints, metrics, event files and curves go. Absent: nothing is written. */
  readonly dir?: string | undefined;
  /** Updates from one checkpoint to the next. Default 1000; the last update is always saved. */
  readonly checkpointEvery?: number | undefined;
  /** Checkpoints kept. Default 2. */
  readonly keep?: number | undefined;
  /** Save weights that are not trained as well. Default true. */
  readonly saveFrozen?: boolean | undefined;
  /** Go on from the newest checkpoint in `dir`. Default true; false refuses a directory that has one. */
  readonly resume?: boolean | undefined;
  /** A loss or gradient that is not finite stops the run (default), or is left out and counted. */
  readonly nonFinite?: 'stop' | 'skip' | undefined;
  readonly lossScale?: LossScaleOptions | undefined;
  /**
   * Worker threads that run `serveGradients` and share the batches of an update, `accumulate` of them. They stay the
   * caller's. The updates are the same for any number of workers.
   */
  readonly workers?: readonly WorkerLike[] | undefined;
  /**
   * Executors that share the batches of an update as `workers` do, each with a copy of the weights, such as several of
   * `onnx({ worker: true })` with few threads each. They stay the caller's; `executor` makes the updates.
   */
  readonly replicas?: readonly Executor[] | undefined;
  readonly validation?: Validation | undefined;
  /** Batch shapes whose programs are kept compiled. Default 16. */
  readonly programs?: number | undefined;
  /** Called after every update. */
  readonly onUpdate?: ((pace: Pace) => void) | undefined;
  /** Called after every checkpoint with its directory. */
  readonly onCheckpoint?: ((dir: string, update: number) => void | Promise<void>) | undefined;
}

export interface TrainResult extends AsyncDisposable {
  /** Updates done in all. */
  readonly updates: number;
  /** All updates were made, or the data ended first. */
  readonly reason: 'done' | 'data';
  /** Steps left out because something was not finite. */
  readonly skipped: number;
  /** The figures of the last update made in this call. */
  readonly last: MetricRecord | undefined;
  /** The trained weights and the optimiser, on the executor until the result is disposed. */
  readonly state: TrainingState;
  dispose(): Promise<void>;
}
