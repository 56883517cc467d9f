export type { Ability, Case } from './abilities/ability.js';
export { abilities } from './abilities/index.js';
export { type CaseOptions, casesOf, type NumberedCase } from './cases.js';
export { ComponentsModel, type ComponentsModelOptions, type ModelComponents } from './components-model.js';
export { type EvaluateOptions, evaluateShapes, firstSentence } from './evaluate.js';
export { wilson } from './interval.js';
export type { ModelReply, ReplyOptions, ShapesModel, Wanted } from './model.js';
export {
  type AbilityReport,
  type Failure,
  formatReport,
  plainReport,
  type Score,
  type ShapesReport,
} from './report.js';
