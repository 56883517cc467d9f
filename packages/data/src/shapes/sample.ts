import type { Sequence } from '@emu-ts/contracts';
import type { RgbImage } from '@emu-ts/media';
import { chat, generate, imagesOf, type Message, mapImages, text } from '@emu-ts/sequence';
import type { TaskName } from './tasks/index.js';
import type { Truth } from './words/truth.js';
import { drawScene } from './world/draw-scene.js';
import { isHeldOut, type Scene } from './world/scene.js';

/** Something asked and the right reply to it. */
export interface Turn<I> {
  /** As a document has it: the model goes on from here. */
  readonly ask: Sequence<I>;
  /** As a user says it; the same by default. */
  readonly request?: Sequence<I> | undefined;
  readonly reply: Sequence<I>;
  readonly truth: Truth;
}

/** One sample of the shapes world. With scenes for images (`I` = Scene) it is plain data. */
export interface ShapesSample<I = RgbImage> {
  readonly task: TaskName;
  readonly seed: number;
  readonly index: number;
  readonly turns: readonly Turn<I>[];
}

/** Plain text and images for the pretrained model, or a dialogue for the instruction-tuned one. */
export type SampleForm = 'document' | 'dialogue';

/** The sample with its scenes drawn. @param size side in pixels; 64 by default. */
export function drawSample(sample: ShapesSample<Scene>, size?: number): ShapesSample<RgbImage> {
  const drawn = new Map<Scene, RgbImage>();
  const draw = (scene: Scene) => {
    const image = drawn.get(scene) ?? drawScene(scene, size);
    drawn.set(scene, image);
    return image;
  };
  const turns = sample.turns.map(({ ask, request, reply, truth }) => ({
    ask: mapImages(ask, draw),
    ...(request ? { request: mapImages(request, draw) } : {}),
    reply: mapImages(reply, draw),
    truth,
  }));
  return { ...sample, turns };
}

/** The sample as one training sequence. */
export function sequenceOf<I>(sample: ShapesSample<I>, form: SampleForm = 'document'): Sequence<I> {
  if (form === 'dialogue') return chat(sample.turns.flatMap(messagesOf));
  return spaced(sample.turns.flatMap(({ ask, reply }) => [...ask, ...reply]));
}

/**
 * What to give a model so that it answers the last turn, or turn number `turn`: everything before that reply. A
 * document that wants an image ends with `generate`; in a dialogue the model opens images itself.
 */
export function promptOf<I>(
  sample: ShapesSample<I>,
  form: SampleForm = 'document',
  turn = sample.turns.length - 1,
): Sequence<I> {
  const before = sample.turns.slice(0, turn);
  const last = sample.turns[turn];
  if (form === 'dialogue') return chat([...before.flatMap(messagesOf), messagesOf(last)[0]]);
  const asked = [...before.flatMap(({ ask, reply }) => [...ask, ...reply]), ...last.ask];
  return spaced(last.truth.kind === 'image' ? [...asked, generate] : asked);
}

/** The images of a sample in the order of `sequenceOf`. */
export const imagesOfSample = <I>({ turns }: ShapesSample<I>): I[] =>
  turns.flatMap(({ ask, reply }) => imagesOf([...ask, ...reply]));

/** Whether any picture of the sample shows a combination that is kept for tests. */
export const isHeldOutSample = (sample: ShapesSample<Scene>): boolean =>
  imagesOfSample(sample).some(isHeldOut);

const messagesOf = <I>({ ask, request, reply }: Turn<I>): Message<I>[] => [
  { role: 'user', content: spaced(request ?? ask) },
  { role: 'assistant', content: spaced(reply) },
];

/** Texts that meet are one text, with a space between. */
function spaced<I>(sequence: Sequence<I>): Sequence<I> {
  const out: Sequence<I>[number][] = [];
  for (const element of sequence) {
    const before = out.at(-1);
    if (before?.type === 'text' && element.type === 'text')
      out[out.length - 1] = text(`${before.text} ${element.text}`);
    else out.push(element);
  }
  return out;
}
