/**
 * What a scheduler remembers between calls: plain arrays, opaque to the caller, so that a run can be stored, resumed or
 * kept on a device.
 */
export type SchedulerState = readonly Float32Array[];

export interface SchedulerCall {
  /** The sample before the call, any layout. */
  readonly sample: Float32Array;
  /** What the model said about `scaleInput(sample, i)` at `timesteps[i]`; as long as `sample`. */
  readonly output: Float32Array;
  readonly state: SchedulerState;
}

export interface SchedulerResult {
  /** The sample after the call, a new array. */
  readonly sample: Float32Array;
  readonly state: SchedulerState;
}

/**
 * Walks a sample from noise to data in a fixed number of model calls. Pure: everything that changes is in the state that
 * goes in and comes out.
 */
export interface Scheduler {
  /** What the model is told at each of its calls, in order. There may be more calls than steps were asked for. */
  readonly timesteps: readonly number[];
  /** The first sample is noise N(0, 1) times this. */
  readonly initialSigma: number;
  /** The state before the first call. */
  start(): SchedulerState;
  /** What the model sees at call `i`. */
  scaleInput(sample: Float32Array, i: number): Float32Array;
  /** The finished sample as far as the model can see it at call `i`, for previews. */
  clean?(i: number, call: Omit<SchedulerCall, 'state'>): Float32Array;
  /** The step after model call `i`, an index into `timesteps`. Calls come in order. */
  step(i: number, call: SchedulerCall): SchedulerResult;
}

/** A way of sampling, before the number of steps is known. Throws `EmuError` `STEPS` for a number it cannot take. */
export type SchedulerFactory = (steps: number) => Scheduler;
