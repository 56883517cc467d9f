import { type DType, EmuError } from '@emu-ts/base';
import type { OptimizerOptions } from '../optimizer/groups.js';
import { constant, milestones, type Schedule, warmupCosine, warmupLinear } from '../optimizer/schedule.js';
import type { Ramp, ScheduleRecipe, StageRecipe } from './recipe.js';

/** A stage in the terms of `trainingStep` and `train`. */
export interface StagePlan {
  readonly optimizer: OptimizerOptions;
  readonly schedule: Schedule;
  /** Loss weights as run-time scalars `weight.NAME`. */
  readonly scalars: (update: number) => Record<string, number>;
  readonly accumulate: number;
  readonly ema: number | undefined;
  readonly segments: number;
  readonly compute: DType | undefined;
  readonly lossScaling: boolean;
}

export function planStage(stage: StageRecipe): StagePlan {
  const { optimizer, trainable, frozen, rows, weights = {}, precision = 'f32' } = stage;
  const { betas = [0.9, 0.98], eps = 1e-6, weightDecay = 0.05, ...others } = optimizer;
  const ramps = Object.entries(weights).map(([name, ramp]) => [`weight.${name}`, rampAt(ramp)] as const);
  return {
    optimizer: { ...others, betas, eps, weightDecay, trainable, frozen, rows },
    schedule: scheduleOf(stage.schedule ?? { kind: 'constant' }, stage.updates),
    scalars: (update) => Object.fromEntries(ramps.map(([name, at]) => [name, at(update)])),
    accumulate: stage.accumulate ?? 1,
    ema: stage.ema,
    segments: stage.segments ?? 1,
    compute: precision === 'f32' ? undefined : precision,
    // bf16 has the range of f32; the gradients of f16 need to be lifted into its own.
    lossScaling: precision === 'f16',
  };
}

/** The value of a ramp at an update: straight lines between its points, level before the first and after the last. */
export function rampAt(ramp: Ramp): (update: number) => number {
  if (typeof ramp === 'number') return () => ramp;
  const points = [...ramp].sort(([a], [b]) => a - b);
  return (update) => {
    const next = points.findIndex(([at]) => at > update);
    if (next === 0) return points[0][1];
    if (next < 0) return points[points.length - 1][1];
    const [[from, low], [to, high]] = [points[next - 1], points[next]];
    return low + ((high - low) * (update - from)) / (to - from);
  };
}

export function scheduleOf({ kind, warmup = 0, final, factors }: ScheduleRecipe, updates: number): Schedule {
  const steps = Math.round(warmup < 1 ? warmup * updates : warmup);
  const options = { steps: updates, warmup: steps, final };
  if (kind === 'cosine') return warmupCosine(options);
  if (kind === 'linear') return warmupLinear(options);
  if (kind === 'milestones') {
    const numbered = Object.entries(factors ?? {}).map(([at, factor]) => [Number(at), factor] as const);
    const bad = numbered.find(([at]) => !Number.isInteger(at));
    if (bad || !numbered.length)
      throw new EmuError('RECIPE', "A schedule of milestones needs 'factors' by update number.");
    return milestones(Object.fromEntries(numbered), steps);
  }
  return steps ? milestones({}, steps) : constant;
}
