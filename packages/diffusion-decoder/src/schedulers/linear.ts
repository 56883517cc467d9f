import type { Scheduler, SchedulerState } from '@emu-ts/contracts';

/** A weighted sum of the sample and the model's output. */
export type Mixture = { readonly sample: number; readonly output: number };

/**
 * All samplers here are linear: what they keep of a model call and the next sample are weighted sums of tensors already
 * at hand. A sampler is therefore a table of numbers, one row per model call. This file runs it on the host; on a device it
 * is one small matrix per call (`mixings`).
 */
export interface StepCoefficients {
  readonly timestep: number;
  /** The model sees this times the sample. */
  readonly inputScale: number;
  /** What the sampler makes of the call: kept = `kept.sample` · sample + `kept.output` · model output. */
  readonly kept: Mixture;
  /** The sample without its noise, as the model now sees it: `sample` · sample + `output` · model output. */
  readonly clean: Mixture;
  /** `previous`: step again from the sample before the previous call (PNDM's second call). */
  readonly from: 'current' | 'previous';
  /** next = `sample` · (the sample stepped from) + Σ `history[j]` · kept of the call j calls ago; 0 is this call. */
  readonly next: { readonly sample: number; readonly history: readonly number[] };
  /** False: this call is not part of later calls' history. */
  readonly remember: boolean;
}

/** A scheduler whose numbers can be looked at. */
export interface LinearScheduler extends Scheduler {
  readonly coefficients: readonly StepCoefficients[];
}

const made = new WeakSet<Scheduler>();

/**
 * Whether a scheduler is all in its table, so that it may be walked without calling it. A copy with another `step` has the
 * table too, and does something else: only what `linearScheduler` returned counts.
 */
export const isLinear = (scheduler: Scheduler): scheduler is LinearScheduler => made.has(scheduler);

/** Σ weights[i] · tensors[i], summed in f64 and rounded once. Tensors of weight 0 are not read. */
function combine(weights: readonly number[], tensors: readonly Float32Array[]): Float32Array {
  const used = weights.flatMap((weight, i) => (weight === 0 ? [] : [{ weight, data: tensors[i] }]));
  const out = new Float32Array(tensors[0].length);
  for (let e = 0; e < out.length; e++) {
    let sum = 0;
    for (const { weight, data } of used) sum += weight * data[e];
    out[e] = sum;
  }
  return out;
}

/** The state is the sample before the previous call, then what was kept, newest first. */
export function linearScheduler(
  initialSigma: number,
  coefficients: readonly StepCoefficients[],
): LinearScheduler {
  const reach = Math.max(...coefficients.map(({ next }) => next.history.length));
  const scheduler: LinearScheduler = {
    coefficients,
    timesteps: coefficients.map(({ timestep }) => timestep),
    initialSigma,
    start: () => [],
    scaleInput: (sample, i) => combine([coefficients[i].inputScale], [sample]),
    clean: (i, { sample, output }) => {
      const { clean } = coefficients[i];
      return combine([clean.sample, clean.output], [sample, output]);
    },
    step(i, { sample, output, state }) {
      const { kept: keep, from, next, remember } = coefficients[i];
      const [previous = sample, ...history] = state;
      const kept = combine([keep.sample, keep.output], [sample, output]);
      const base = from === 'previous' ? previous : sample;
      const after: SchedulerState = [
        sample,
        ...(remember ? [kept, ...history] : history).slice(0, reach - 1),
      ];
      return {
        sample: combine([next.sample, ...next.history], [base, kept, ...history]),
        state: after,
      };
    },
  };
  made.add(scheduler);
  return scheduler;
}
