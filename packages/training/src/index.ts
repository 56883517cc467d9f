export { oneMinusPower } from './adamw/bias-correction.js';
export { type AdamWAttrs, adamwOp } from './adamw/op.js';
export { type CollateOptions, collate, type TrainingRow } from './data/collate.js';
export { type IndexedOptions, indexedData } from './data/indexed.js';
export { trainingRow } from './data/row.js';
export { drawSampled, type SampledOptions } from './data/sampled.js';
export { type DropoutAttrs, drawDropout, dropoutOp } from './dropout/op.js';
export {
  type DryRun,
  type DryRunOptions,
  dryRun,
  estimateStep,
  type StepEstimate,
} from './estimate/estimate.js';
export { flopsOf } from './estimate/flops.js';
export { peakBytes } from './estimate/memory.js';
export { saveError } from './files/atomic.js';
export {
  type Json,
  latestRun,
  type OpenSource,
  openRun,
  openWeights,
  type RunState,
  readRun,
  type SavedRun,
} from './files/checkpoints.js';
export { type CurveOptions, renderCurves } from './files/curves.js';
export { type MetricRecord, readMetrics } from './files/metrics.js';
export { TensorBoardLog } from './files/tensorboard.js';
export type { LossScaleOptions } from './loop/loss-scale.js';
export type * from './loop/options.js';
export { duration, type Pace, progressLine, type Terminal, terminalProgress } from './loop/progress-line.js';
export { TrainingState } from './loop/state.js';
export { train } from './loop/train.js';
export { type AdapterOptions, saveAdapter } from './lora/adapter.js';
export { type LoraStartOptions, loraStart } from './lora/start.js';
export * from './losses/autoencoder.js';
export { type ClipTree, clipModel } from './losses/clip.js';
export * from './losses/contrastive.js';
export * from './losses/diffusion.js';
export * from './losses/tagging.js';
export { type MuonAttrs, muonOp } from './muon/op.js';
export * from './objective/compose.js';
export { betweenImageVariance } from './objective/health.js';
export { type InterleavedOptions, interleavedObjective } from './objective/interleaved.js';
export type { InterleavedModel } from './objective/model.js';
export { type ReadRowsOptions, readRows } from './objective/read.js';
export { clipCoefficient, globalNorm, isNumber } from './optimizer/clip.js';
export { assign, type OptimizerOptions, type ParameterGroup, type Treatment } from './optimizer/groups.js';
export { expectMatches, matcher } from './optimizer/pattern.js';
export * from './optimizer/presets.js';
export * from './optimizer/schedule.js';
export type { PortLike, WorkerLike } from './parallel/messages.js';
export { serveGradients, type WorkerParts } from './parallel/serve.js';
export { parseRecipe, type Ramp, type Recipe, type StageRecipe } from './recipe/recipe.js';
export { type RecipeOptions, runRecipe, type StageParts, stageStep } from './recipe/run.js';
export * as schema from './recipe/schema.js';
export { planStage, rampAt, type StagePlan, scheduleOf } from './recipe/stage.js';
export { gradientsBySegments } from './recompute/gradients.js';
export { afterOp } from './recompute/op.js';
export { names, stepMetrics } from './step/names.js';
export { trainingStep } from './step/step.js';
export type * from './step/types.js';
export { sumOfSquares, sumOfSquaresOp } from './sum-of-squares/op.js';
