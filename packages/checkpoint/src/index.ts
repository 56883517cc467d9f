export type { Checkpoint, CheckpointNote, TensorInfo, TensorSource } from './checkpoint.js';
export { type ConvertOptions, type ConvertResult, convertCheckpoint } from './convert.js';
export { CheckpointError, type CheckpointErrorCode } from './error.js';
export { type CheckpointSummary, inspect, type Tally } from './inspect.js';
export { type CheckpointSource, type OpenOptions, openCheckpoint } from './open.js';
export type { ByteSink } from './safetensors/sink.js';
export {
  encodeSafetensors,
  type Writable,
  type WriteOptions,
  type WriteResult,
  writeSafetensors,
} from './safetensors/write.js';
export type { ByteSource, ReadOptions } from './source/byte-source.js';
export { fileSource } from './source/file.js';
export { type HttpOptions, httpSource } from './source/http.js';
export { castCheckpoint, type FloatDType } from './views/cast.js';
export { memoryCheckpoint, type TensorMap } from './views/memory.js';
export { mergeCheckpoints } from './views/merged.js';
export { type RenameRule, type RenameTable, renamed } from './views/renamed.js';
export {
  dataParallel,
  diffusersUnet,
  diffusersVae,
  diffusersVaeBefore018,
  emuInstruct,
  emuPretrain,
  unusedTensors,
} from './views/tables.js';
