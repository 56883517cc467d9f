import { type CallOptions, EmuError, type HostTensor } from '@emu-ts/base';
import type { Executor } from '@emu-ts/graph';
import type { ParamTree, TensorSource } from '@emu-ts/params';
import { node } from '../files/atomic.js';
import { latestRun, type OpenSource, openWeights } from '../files/checkpoints.js';
import type { TrainingData, TrainOptions, TrainResult } from '../loop/options.js';
import { train } from '../loop/train.js';
import { trainingStep } from '../step/step.js';
import type { Objective, TrainingStep } from '../step/types.js';
import type { Recipe, StageRecipe } from './recipe.js';
import { planStage } from './stage.js';

/** What a stage is made of beside its numbers: the caller turns names of a recipe into these. */
export interface StageParts<T extends ParamTree = ParamTree> {
  /** Weights that the objective uses. Those it does not name stay as earlier stages left them. */
  readonly params: T;
  readonly objective: Objective<T>;
  readonly data: TrainingData;
  readonly validation?: TrainOptions['validation'];
}

export interface RecipeOptions extends CallOptions {
  readonly executor: Executor;
  /** Executors that share the batches of an update, see `train`. */
  readonly replicas?: readonly Executor[] | undefined;
  /** Each stage has a directory in here: `1-see`, `2-read`, … */
  readonly dir: string;
  /** Every weight before the first stage. */
  readonly weights: TensorSource;
  /** @param weights as they are before the stage */
  readonly build: (stage: StageRecipe, weights: TensorSource) => StageParts | Promise<StageParts>;
  readonly onUpdate?:
    | ((stage: StageRecipe, pace: Parameters<NonNullable<TrainOptions['onUpdate']>>[0]) => void)
    | undefined;
  readonly onStage?: ((stage: StageRecipe, result: TrainResult) => void | Promise<void>) | undefined;
}

/** The step of a stage. */
export const stageStep = (stage: StageRecipe, { params, objective }: StageParts): TrainingStep =>
  trainingStep({ ...planStage(stage), params, objective });

/**
 * Runs the stages of a recipe, each from the weights that the one before left. Stages that are complete in `dir` are
 * passed over and a broken-off one is taken up, so the same call resumes a recipe. Gives the final weights; close them.
 */
export async function runRecipe(recipe: Recipe, options: RecipeOptions): Promise<OpenSource> {
  const { path } = await node();
  const layers: OpenSource[] = [];
  const close = async () => {
    for (const layer of layers) await layer.close();
  };
  let weights = options.weights;
  try {
    for (const [i, stage] of recipe.stages.entries()) {
      options.signal?.throwIfAborted();
      const dir = path.join(options.dir, `${i + 1}-${stage.name.replace(/[^\w.-]+/g, '-')}`);
      await runStage(recipe, stage, { ...options, dir, weights });
      const saved = await latestRun(dir);
      if (!saved) throw new EmuError('RESUME', `${dir} has no checkpoint although its stage has run.`);
      const layer = await openWeights(saved.dir, weights);
      layers.push(layer);
      weights = layer;
    }
  } catch (error) {
    await close();
    throw error;
  }
  const last = weights;
  return { entries: last.entries, read: (name, call): Promise<HostTensor> => last.read(name, call), close };
}

async function runStage(recipe: Recipe, stage: StageRecipe, options: RecipeOptions): Promise<void> {
  const { executor, replicas, dir, weights, build, onUpdate, onStage, signal, onProgress } = options;
  const saved = await latestRun(dir);
  if (saved && saved.state.update >= stage.updates) return;
  const parts = await build(stage, weights);
  const { schedule, scalars } = planStage(stage);
  await using result = await train({
    executor,
    replicas,
    step: stageStep(stage, parts),
    weights,
    data: parts.data,
    validation: parts.validation,
    updates: stage.updates,
    schedule,
    scalars,
    seed: recipe.seed,
    dir,
    checkpointEvery: stage.checkpointEvery,
    keep: stage.keep,
    onUpdate: onUpdate && ((pace) => onUpdate(stage, pace)),
    signal,
    onProgress,
  });
  await onStage?.(stage, result);
}
