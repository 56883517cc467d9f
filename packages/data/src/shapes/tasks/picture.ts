import { image, text } from '@emu-ts/sequence';
import type { Draws } from '../../draws.js';
import type { Turn } from '../sample.js';
import { caption, partialCaption } from '../words/caption.js';
import { ask } from '../words/question.js';
import { drawRandomScene, retry, type World } from '../world/compose.js';
import { isBetween, type Scene } from '../world/scene.js';
import { type QuestionKind, questionKinds } from '../world/vocabulary.js';

type Turns = readonly Turn<Scene>[];

const describe = [
  'describe the picture.',
  'what do you see?',
  'what is in the picture?',
  'describe this image.',
] as const;

/** A picture and everything about it. */
export function captionTask(draws: Draws, w: World): Turns {
  const scene = drawRandomScene(draws, w);
  return [
    {
      ask: [image(scene)],
      request: [image(scene), text(draws.pick(describe))],
      reply: [text(caption(draws, scene))],
      truth: { kind: 'caption', scene },
    },
  ];
}

/** A picture and one thing about it. A caption judged by it may say as little, so its truth is the scene as well. */
export function partialCaptionTask(draws: Draws, w: World): Turns {
  const scene = drawRandomScene(draws, w);
  return [
    {
      ask: [image(scene)],
      request: [image(scene), text('name one thing you see.')],
      reply: [text(partialCaption(draws, scene))],
      truth: { kind: 'caption', scene, partial: true },
    },
  ];
}

/** A picture and a question; every kind of question as often as the world says and scenes allow. */
export function questionTask(draws: Draws, w: World): Turns {
  const kind = questionKinds[draws.weighted(w.questions)];
  const possible = w.objects[1] < fewest[kind] ? 'yes-no' : kind;
  const [scene, asked] = retry(`scene for a question of kind ${possible}`, () => {
    const scene = possible === 'between' ? drawRow(draws, w) : drawRandomScene(draws, w);
    const asked = ask(draws, scene, possible);
    return asked && ([scene, asked] as const);
  });
  return [{ ask: [image(scene), text(asked.question)], reply: [text(asked.answer)], truth: asked.truth }];
}

/** Objects that a kind of question needs. */
const fewest: Readonly<Record<QuestionKind, number>> = {
  colour: 1,
  shape: 1,
  size: 1,
  count: 1,
  position: 1,
  relation: 2,
  between: 3,
  'yes-no': 1,
};

/** A scene in which something is between two others. */
const drawRow = (draws: Draws, w: World): Scene =>
  drawRandomScene(draws, w, 3 + draws.int(w.objects[1] - 2), ([a, b, c]) =>
    [isBetween(a, b, c), isBetween(b, a, c), isBetween(c, a, b)].includes(true),
  );
