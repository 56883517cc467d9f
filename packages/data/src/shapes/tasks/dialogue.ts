import { image, text } from '@emu-ts/sequence';
import type { Draws } from '../../draws.js';
import type { Turn } from '../sample.js';
import { refer } from '../words/caption.js';
import { indefinite, placeWords, relationWords } from '../words/name.js';
import type { AnswerTruth } from '../words/truth.js';
import { drawRandomScene, type World } from '../world/compose.js';
import {
  type Facts,
  factsOf,
  isClearlyPlaced,
  neighboursOf,
  placeOf,
  type Scene,
  type SceneObject,
} from '../world/scene.js';

type Said = readonly [
  question: string,
  answer: string,
  asked: AnswerTruth['asked'],
  value: AnswerTruth['value'],
  about?: Facts | undefined,
];

/**
 * Three to five questions to one picture, each of which leans on the one before: `what is left of the star?`, `what
 * colour is it?`, `and what is below it?`. The object spoken of moves along.
 */
export function dialogueTask(draws: Draws, w: World): readonly Turn<Scene>[] {
  const most = w.objects[1];
  const scene = drawRandomScene(draws, w, most < 2 ? 1 : Math.min(most, 2 + draws.int(3)));
  const wanted = 3 + draws.int(3);
  let it = draws.pick(scene.objects);
  const said: Said[] = [opening(draws, scene, it)];
  let told = new Set<string>(['object']);
  while (said.length < wanted) {
    const next = draws.chance(0.55) ? neighbour(draws, scene, it, said.at(-1)?.[2] === 'object') : undefined;
    if (next) {
      said.push(next.said);
      it = next.object;
      told = new Set(['object']);
      continue;
    }
    const more = aboutIt(draws, it).filter(([, , asked]) => !told.has(asked));
    if (more.length === 0) break;
    const one = draws.pick(more);
    told.add(one[2]);
    said.push(one);
  }
  return said.map(([question, answer, asked, value, about], i) => ({
    ask: i === 0 ? [image(scene), text(question)] : [text(question)],
    reply: [text(`${answer}.`)],
    truth: { kind: 'answer', asked, value, ...(about ? { about } : {}) },
  }));
}

/** Brings the object up: by its place, by one attribute, or by counting everything first. */
function opening(draws: Draws, scene: Scene, it: SceneObject): Said {
  const facts = factsOf(it);
  const place = placeOf(it);
  const alone = scene.objects.every(
    (other) => other === it || (isClearlyPlaced(other) && placeOf(other) !== place),
  );
  if (isClearlyPlaced(it) && alone && draws.chance(0.6)) {
    return [`what is ${draws.pick(placeWords[place])}?`, indefinite(facts), 'object', facts];
  }
  if (scene.objects.length === 1) return ['what is in the picture?', indefinite(facts), 'object', facts];
  return [`do you see ${refer(draws, scene, it)}?`, 'yes', 'yes-no', true];
}

/** The next object: what stands beside the one spoken of. */
function neighbour(
  draws: Draws,
  scene: Scene,
  it: SceneObject,
  linked: boolean,
): { readonly said: Said; readonly object: SceneObject } | undefined {
  const around = neighboursOf(scene, it);
  if (around.length === 0) return undefined;
  const { relation, object } = draws.pick(around);
  const start = draws.pick(linked ? ['and what is', 'what is', 'and'] : ['what is', 'and what is']);
  const facts = factsOf(object);
  const question = `${start} ${draws.pick(relationWords[relation])} it?`;
  return { said: [question, indefinite(facts), 'object', facts], object };
}

function aboutIt(draws: Draws, it: SceneObject): Said[] {
  const facts = factsOf(it);
  const about: Said[] = [
    [
      draws.pick(['what colour is it?', 'which colour does it have?', 'and its colour?']),
      it.colour,
      'colour',
      it.colour,
      facts,
    ],
    [
      draws.pick(['what shape is it?', 'which shape does it have?', 'and its shape?']),
      it.shape,
      'shape',
      it.shape,
      facts,
    ],
    [draws.pick(['is it large or small?', 'how big is it?']), it.size, 'size', it.size, facts],
  ];
  if (isClearlyPlaced(it)) about.push(['where is it?', placeWords[placeOf(it)][0], 'place', placeOf(it)]);
  return about;
}
