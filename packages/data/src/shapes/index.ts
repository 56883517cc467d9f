export { judge, judgeImage, type Reply } from './judge/judge.js';
export { judgeAnswer, judgeEvents } from './judge/judge-answer.js';
export { judgeCaption, type Verdict } from './judge/judge-caption.js';
export { type CaptionFacts, type Mention, parseCaption } from './judge/parse-caption.js';
export { type FoundObject, parsePicture } from './judge/parse-picture.js';
export {
  drawSample,
  imagesOfSample,
  isHeldOutSample,
  promptOf,
  type SampleForm,
  type ShapesSample,
  sequenceOf,
  type Turn,
} from './sample.js';
export { type FewShotTopic, fewShotTask, fewShotTopics } from './tasks/few-shot.js';
export { textToImageTask } from './tasks/generation.js';
export { makeSample, type ShapesOptions, type TaskName, taskNames } from './tasks/index.js';
export type { Weights } from './weights.js';
export { caption, partialCaption } from './words/caption.js';
export { eventFacts, tellEvents } from './words/event.js';
export { heldOutLabels, labelsOf, sceneLabels } from './words/labels.js';
export { ask, type Question } from './words/question.js';
export type * from './words/truth.js';
export { colourDistance, hsvToRgb, nameColour, rgbToHsv, shadeOf } from './world/colour.js';
export {
  arrange,
  drawManyFacts,
  drawRandomScene,
  type Split,
  type Style,
  type World,
  type WorldOptions,
  world,
} from './world/compose.js';
export { drawScene } from './world/draw-scene.js';
export {
  type Direction,
  drawVideo,
  type EventKind,
  type SceneVideo,
  type VideoEvent,
  type VideoOptions,
} from './world/motion.js';
export { outlines } from './world/outline.js';
export * from './world/scene.js';
export * from './world/vocabulary.js';
