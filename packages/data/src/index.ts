export { Draws } from './draws.js';
export type { FileSource } from './files/data-file.js';
export { splitKey } from './files/tar.js';
export { type CropOptions, cropSequence } from './readers/crop.js';
export { folderPairs } from './readers/folder.js';
export { instructionData } from './readers/instruction.js';
export {
  jsonlLabels,
  type LabelColumns,
  type Labelled,
  type LabelOptions,
  parquetLabels,
  shapesLabels,
  splitLabels,
} from './readers/labels.js';
export { type Mmc4Options, mmc4Documents } from './readers/mmc4.js';
export type { ImageRef, ReaderOptions } from './readers/options.js';
export { jsonlPairs, type PairColumns, type PairOptions, parquetPairs } from './readers/pairs.js';
export { type ShapesSourceOptions, shapesSource } from './readers/shapes-world.js';
export { type StoryboardOptions, storyboards } from './readers/storyboards.js';
export { expandBraces, webDataset } from './readers/web-dataset.js';
export { type VideoTextOptions, type WebVidRow, webVid } from './readers/web-vid.js';
export * from './shapes/index.js';
export {
  type BadRow,
  BadRows,
  type BadRowsOptions,
  type Place,
  placeText,
  RowError,
} from './stream/bad-rows.js';
export { type Mixed, type MixOptions, mixSources, type Weighted } from './stream/mix.js';
export {
  type Row,
  type RowContext,
  type Shard,
  type StreamOptions,
  shardedSource,
} from './stream/sharded.js';
export {
  batchSource,
  type DataSource,
  type Item,
  type Json,
  mapSource,
  type OpenOptions,
} from './stream/source.js';
export { evenFrames, mergeTimeline, type Subtitle, type TimedFrame } from './timeline/merge.js';
export { cutSheet, type Sheet } from './timeline/sheet.js';
export { parseSubtitles, type SubtitleFormat, toSrt } from './timeline/subtitles.js';
