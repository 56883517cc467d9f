import type { Draws } from '../../draws.js';
import {
  factsOf,
  fits,
  holds,
  isBetween,
  isClear,
  isClearlyPlaced,
  neighboursOf,
  type ObjectFacts,
  placeOf,
  relationOf,
  type Scene,
  type SceneObject,
} from '../world/scene.js';
import {
  colourNames,
  numberNames,
  type QuestionKind,
  relationNames,
  shapeNames,
} from '../world/vocabulary.js';
import { refer } from './caption.js';
import { definite, distinguishing, indefinite, nounOf, placeWords, relationWords } from './name.js';
import type { AnswerTruth, Asked } from './truth.js';

export interface Question {
  readonly kind: QuestionKind;
  readonly question: string;
  readonly answer: string;
  readonly truth: AnswerTruth;
}

/** A question of a kind that the scene allows, with its answer; undefined where the kind has no clear answer there. */
export function ask(draws: Draws, scene: Scene, kind: QuestionKind): Question | undefined {
  const made = makers[kind](draws, scene);
  if (!made) return undefined;
  const [question, answer, value, about] = made;
  const truth: AnswerTruth = { kind: 'answer', asked: askedBy[kind], value, ...(about ? { about } : {}) };
  return { kind, question, answer: `${answer}.`, truth };
}

const askedBy: Readonly<Record<QuestionKind, Asked>> = {
  colour: 'colour',
  shape: 'shape',
  size: 'size',
  count: 'count',
  position: 'place',
  relation: 'object',
  between: 'object',
  'yes-no': 'yes-no',
};

type Made = readonly [
  question: string,
  answer: string,
  value: AnswerTruth['value'],
  about?: ObjectFacts | undefined,
];

const makers: Readonly<Record<QuestionKind, (draws: Draws, scene: Scene) => Made | undefined>> = {
  colour: (draws, scene) => {
    const object = draws.pick(scene.objects);
    const it = named(draws, scene, object, 'colour');
    if (!it) return undefined;
    const words = [`what colour is ${it}?`, `which colour does ${it} have?`, `tell me the colour of ${it}.`];
    return [draws.pick(words), object.colour, object.colour, factsOf(object)];
  },
  shape: (draws, scene) => {
    const object = draws.pick(scene.objects);
    const it = named(draws, scene, object, 'shape');
    if (!it) return undefined;
    const words = [`what shape is ${it}?`, `which shape does ${it} have?`, `tell me the shape of ${it}.`];
    return [draws.pick(words), object.shape, object.shape, factsOf(object)];
  },
  size: (draws, scene) => {
    const object = draws.pick(scene.objects);
    const it = named(draws, scene, object, 'size');
    if (!it) return undefined;
    const words = [`is ${it} large or small?`, `what size is ${it}?`, `how big is ${it}?`];
    return [draws.pick(words), object.size, object.size, factsOf(object)];
  },
  count: (draws, scene) => {
    const facts = draws.pick<ObjectFacts>([
      {},
      { shape: draws.chance(0.7) ? draws.pick(scene.objects).shape : draws.pick(shapeNames) },
      { colour: draws.chance(0.7) ? draws.pick(scene.objects).colour : draws.pick(colourNames) },
      { size: draws.pick(scene.objects).size },
    ]);
    const count = scene.objects.filter((object) => fits(object, facts)).length;
    const noun = `${nounOf(facts)}${facts.shape === 'cross' ? 'es' : 's'}`;
    const words = [`how many ${noun} are there?`, `how many ${noun} do you see?`, `count the ${noun}.`];
    return [draws.pick(words), numberNames[count], count];
  },
  position: (draws, scene) => {
    const object = draws.pick(scene.objects);
    if (!isClearlyPlaced(object)) return undefined;
    const it = refer(draws, scene, object);
    const place = placeOf(object);
    const words = [`where is ${it}?`, `in which part of the picture is ${it}?`];
    return [draws.pick(words), placeWords[place][0], place];
  },
  relation: (draws, scene) => {
    const anchor = draws.pick(scene.objects);
    const around = neighboursOf(scene, anchor);
    if (around.length === 0) return undefined;
    const { relation, object } = draws.pick(around);
    const where = `${draws.pick(relationWords[relation])} ${refer(draws, scene, anchor)}`;
    const words = [`what is ${where}?`, `which object is ${where}?`, `what do you see ${where}?`];
    return [draws.pick(words), indefinite(factsOf(object)), factsOf(object)];
  },
  between: (draws, scene) => {
    const rows = draws.shuffle(scene.objects).flatMap((a, i, all) =>
      all.slice(i + 1).flatMap((b) => {
        const inside = all.filter((other) => other !== a && other !== b && isBetween(other, a, b));
        return inside.length === 1 ? [[inside[0], a, b] as const] : [];
      }),
    );
    if (rows.length === 0) return undefined;
    const [middle, a, b] = rows[0];
    const question = `what is between ${refer(draws, scene, a)} and ${refer(draws, scene, b)}?`;
    return [question, indefinite(factsOf(middle)), factsOf(middle)];
  },
  'yes-no': (draws, scene) => {
    const answer = draws.chance(0.5);
    for (let i = 0; i < 12; i++) {
      const made = draws.pick([isThere, isOf, isRelated])(draws, scene);
      if (made?.[1] === answer) return [made[0], answer ? 'yes' : 'no', answer, made[2]];
    }
    return undefined;
  },
};

type YesNo = readonly [question: string, answer: boolean, about?: ObjectFacts | undefined] | undefined;

/** `is there a red circle?`; the false ones change one attribute of something that is there. */
function isThere(draws: Draws, scene: Scene): YesNo {
  const object = draws.pick(scene.objects);
  const name = draws.pick(['shape', 'colour'] as const);
  const whole: ObjectFacts = { shape: object.shape, colour: object.colour };
  const other = name === 'shape' ? { shape: draws.pick(shapeNames) } : { colour: draws.pick(colourNames) };
  const facts = draws.chance(0.5) ? whole : { ...(draws.chance(0.5) ? whole : {}), ...other };
  const question = draws.pick(['is there', 'do you see', 'does the picture show']);
  return [`${question} ${indefinite(facts)}?`, scene.objects.some((one) => fits(one, facts)), facts];
}

/** `is the circle red?` */
function isOf(draws: Draws, scene: Scene): YesNo {
  const object = draws.pick(scene.objects);
  const asked = draws.pick(['colour', 'shape', 'size'] as const);
  const it = named(draws, scene, object, asked);
  if (!it) return undefined;
  const truth = draws.chance(0.5);
  if (asked === 'size') {
    const size = truth ? object.size : object.size === 'large' ? 'small' : 'large';
    return [`is ${it} ${size}?`, truth, { ...factsOf(object), size }];
  }
  const others = (asked === 'colour' ? colourNames : shapeNames).filter((name) => name !== object[asked]);
  const said = truth ? object[asked] : draws.pick<string>(others);
  const about = { ...factsOf(object), [asked]: said };
  return [`is ${it} ${asked === 'colour' ? said : `a ${said}`}?`, truth, about];
}

/** `is the circle left of the square?` */
function isRelated(draws: Draws, scene: Scene): YesNo {
  const [a, b] = draws.shuffle(scene.objects);
  if (!b || !isClear(a, b)) return undefined;
  const relation = draws.chance(0.5) ? relationOf(a, b) : draws.pick(relationNames);
  const truth = relation === relationOf(a, b);
  if (!truth && holds(relation, a, b)) return undefined;
  const words = draws.pick(relationWords[relation]);
  return [`is ${refer(draws, scene, a)} ${words} ${refer(draws, scene, b)}?`, truth];
}

/** Words for an object that do not give the asked attribute away; a lone object is `the object`, or `it`. */
function named(
  draws: Draws,
  scene: Scene,
  object: SceneObject,
  asked: keyof ObjectFacts,
): string | undefined {
  const ways = distinguishing(scene, object, asked).map(definite);
  if (scene.objects.length === 1) ways.push('the object', 'it');
  if (scene.objects.length > 1 && isClearlyPlaced(object)) {
    const place = placeOf(object);
    const alone = scene.objects.every(
      (other) => other === object || (isClearlyPlaced(other) && placeOf(other) !== place),
    );
    if (alone) ways.push(`the object ${draws.pick(placeWords[place])}`);
  }
  return ways.length > 0 ? draws.pick(ways) : undefined;
}
