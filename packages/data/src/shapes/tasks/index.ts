import { Draws } from '../../draws.js';
import type { ShapesSample, Turn } from '../sample.js';
import { type Weights, weightsOf } from '../weights.js';
import { type World, type WorldOptions, world } from '../world/compose.js';
import type { Scene } from '../world/scene.js';
import { dialogueTask } from './dialogue.js';
import { fewShotTask } from './few-shot.js';
import {
  blendTask,
  describeAndDrawTask,
  documentTask,
  inContextTask,
  textToImageTask,
} from './generation.js';
import { captionTask, partialCaptionTask, questionTask } from './picture.js';
import { storyboardTask, videoCaptionTask, videoQuestionTask } from './video.js';

/** Every kind of sample. */
const tasks = {
  caption: captionTask,
  'partial-caption': partialCaptionTask,
  question: questionTask,
  'few-shot': (draws, w) => fewShotTask(draws, w),
  'video-caption': videoCaptionTask,
  'video-question': videoQuestionTask,
  storyboard: storyboardTask,
  dialogue: dialogueTask,
  'text-to-image': (draws, w) => textToImageTask(draws, w),
  'in-context': inContextTask,
  blend: blendTask,
  'describe-and-draw': describeAndDrawTask,
  document: documentTask,
} as const satisfies Record<string, (draws: Draws, w: World) => readonly Turn<Scene>[]>;

export type TaskName = keyof typeof tasks;
export const taskNames = Object.keys(tasks) as readonly TaskName[];

export interface ShapesOptions extends WorldOptions {
  readonly seed: number;
  /** Tasks and how often they come, relative to each other; every task alike by default. */
  readonly tasks?: Weights<TaskName> | undefined;
}

/** Sample number `index` of the world, as plain data. It depends on the options and its number alone. */
export function makeSample(options: ShapesOptions, index: number): ShapesSample<Scene> {
  const { seed } = options;
  const w = world(options);
  const chosen = weightsOf('task', taskNames, options.tasks);
  const draws = new Draws(seed, index);
  const task = taskNames[draws.weighted(chosen)];
  return { task, seed, index, turns: tasks[task](draws, w) };
}
