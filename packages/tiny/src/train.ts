export { exportModel } from './files/export.js';
export { smallEmu, tokenizerOf, type Variant } from './model/model.js';
export { stages, type TrainTinyOptions, trainTiny } from './train/run.js';
export { type Stage, type StageName, type StagePlan, stageNames, type Workshop } from './train/stage.js';
export { learnTokenizer } from './words/tokenizer.js';
