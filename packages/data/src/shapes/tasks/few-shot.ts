import { image, text } from '@emu-ts/sequence';
import type { Draws } from '../../draws.js';
import type { Turn } from '../sample.js';
import type { AnswerTruth } from '../words/truth.js';
import { drawRandomScene, type World } from '../world/compose.js';
import { factsOf, type Scene } from '../world/scene.js';
import { numberNames } from '../world/vocabulary.js';

/** What the examples alone say is to be named. */
export const fewShotTopics = ['colour', 'shape', 'count'] as const;
export type FewShotTopic = (typeof fewShotTopics)[number];

/** @param shots examples before the one that is asked; 2, 4 or 8 by default. */
export function fewShotTask(
  draws: Draws,
  w: World,
  shots: number = draws.pick([2, 4, 8]),
  topic: FewShotTopic = draws.pick(fewShotTopics),
): readonly Turn<Scene>[] {
  return Array.from({ length: shots + 1 }, () => {
    const scene = drawRandomScene(draws, w, topic === 'count' ? undefined : 1);
    const truth = answerOf(scene, topic);
    const word = topic === 'count' ? numberNames[truth.value as number] : truth.value;
    return { ask: [image(scene)], reply: [text(`${word}.`)], truth };
  });
}

function answerOf({ objects }: Scene, topic: FewShotTopic): AnswerTruth {
  if (topic === 'count') return { kind: 'answer', asked: topic, value: objects.length };
  const [object] = objects;
  return { kind: 'answer', asked: topic, value: object[topic], about: factsOf(object) };
}
