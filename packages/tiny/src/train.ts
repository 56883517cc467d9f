export { exportModel } from './files/export.js';
export { type Ablation, ablations, formatOf, smallEmu, tokenizerOf, type Variant } from './model/model.js';
export { stages, type TrainTinyOptions, trainTiny } from './train/run.js';
export {
  type Stage,
  type StageName,
  type StagePlan,
  stageNames,
  type Workshop,
  weightsOf,
} from './train/stage.js';
export { learnTokenizer } from './words/tokenizer.js';
