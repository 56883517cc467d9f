import type { Draws } from '../../draws.js';
import {
  factsOf,
  inOrder,
  isClearlyPlaced,
  type ObjectFacts,
  placeOf,
  relationOf,
  type Scene,
  type SceneObject,
} from '../world/scene.js';
import { numberNames, opposite } from '../world/vocabulary.js';
import {
  definite,
  distinguishing,
  enumerate,
  indefinite,
  placeWords,
  relationToIt,
  relationWords,
} from './name.js';

/**
 * A caption that says everything: of one object size, colour, shape and place, of two their relation, and of more the
 * relation of each to the next. Objects are named in the order of the world's lists, so that a caption of many objects has
 * one right order and not two dozen.
 */
export const caption = (draws: Draws, scene: Scene): string => {
  const { length } = scene.objects;
  const number = `${numberNames[length]} objects: `;
  const openings = length > 2 ? [number, `there are ${number}`] : ['there is ', 'this is '];
  return `${draws.pick(['', '', 'the picture shows ', ...openings])}${plainCaption(draws, scene)}`;
};

/** The same without an opening, to go on from other words. */
export function plainCaption(draws: Draws, scene: Scene): string {
  const objects = inOrder(scene.objects);
  if (objects.length === 1) return `${single(draws, objects[0])}.`;
  return `${objects.length === 2 ? two(draws, scene, objects) : many(draws, scene, objects)}.`;
}

function single(draws: Draws, object: SceneObject): string {
  return `${indefinite(factsOf(object))} ${draws.pick(placeWords[placeOf(object)])}`;
}

function two(draws: Draws, scene: Scene, [a, b]: readonly SceneObject[]): string {
  const relation = relationOf(a, b);
  const first = indefinite(factsOf(a));
  const second = indefinite(factsOf(b));
  const how = draws.int(4);
  if (how === 2) return `${first} with ${second} ${relationToIt[opposite[relation]]}`;
  if (how === 3) return `${first} and ${second}; ${related(draws, scene, a, b)}`;
  return `${first} ${draws.pick(relationWords[relation])} ${second}`;
}

function many(draws: Draws, scene: Scene, objects: readonly SceneObject[]): string {
  const list = enumerate(objects.map((object) => indefinite(factsOf(object))));
  const links = objects.slice(1).map((object, i) => related(draws, scene, objects[i], object));
  return `${list}; ${enumerate(links)}`;
}

/** `the circle is left of the blue square`. */
export function related(draws: Draws, scene: Scene, a: SceneObject, b: SceneObject): string {
  const relation = draws.pick(relationWords[relationOf(a, b)]);
  return `${refer(draws, scene, a)} is ${relation} ${refer(draws, scene, b)}`;
}

/** Words for one object of a scene that fit no other, such as `the red circle`. */
export function refer(draws: Draws, scene: Scene, object: SceneObject, without?: keyof ObjectFacts): string {
  return definite(draws.pick(distinguishing(scene, object, without)));
}

/**
 * A caption that says one thing only, so that attributes are learnt apart from each other: `a circle`, `something red`,
 * `three objects`, `a star above a ring`.
 */
export function partialCaption(draws: Draws, scene: Scene): string {
  const object = draws.pick(scene.objects);
  const ways: (() => string)[] = [
    () => indefinite({ shape: object.shape }),
    () => `something ${object.colour}`,
    () => `something ${object.size}`,
    () => indefinite({ colour: object.colour, shape: object.shape }),
    () => `${numberNames[scene.objects.length]} ${scene.objects.length === 1 ? 'object' : 'objects'}`,
  ];
  if (isClearlyPlaced(object)) ways.push(() => `something ${placeWords[placeOf(object)][0]}`);
  if (scene.objects.length > 1) {
    const i = draws.int(scene.objects.length - 1);
    const [a, b] = draws.shuffle([scene.objects[i], scene.objects[i + 1]]);
    const relation = relationOf(a, b);
    ways.push(() => `${indefinite({ shape: a.shape })} ${relation} ${indefinite({ shape: b.shape })}`);
    ways.push(() => `something ${b.colour} ${opposite[relation]} something ${a.colour}`);
  }
  return `${draws.pick(ways)()}.`;
}
