import { fits, type ObjectFacts, type Scene, type SceneObject } from '../world/scene.js';
import type { PlaceName, RelationName } from '../world/vocabulary.js';

/** `small red circle`, or what is known of it. A thing of unknown shape is an `object`. */
export const nounOf = ({ size, colour, shape }: ObjectFacts): string =>
  [size, colour, shape ?? 'object'].filter((word) => word !== undefined).join(' ');

/** `a small red circle`, `an orange star`. */
export const indefinite = (facts: ObjectFacts): string => withArticle(nounOf(facts));

export const withArticle = (noun: string): string => `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;

export const definite = (facts: ObjectFacts): string => `the ${nounOf(facts)}`;

/** `a, b and c`. */
export const enumerate = (list: readonly string[]): string =>
  list.length < 2 ? (list[0] ?? '') : `${list.slice(0, -1).join(', ')} and ${list[list.length - 1]}`;

const fullest: readonly (readonly (keyof ObjectFacts)[])[] = [
  ['shape'],
  ['colour'],
  ['colour', 'shape'],
  ['size', 'shape'],
  ['size', 'colour'],
  ['size', 'colour', 'shape'],
];

/** The parts of an object's facts that are named, in every way that fits no other object of the scene. */
export function distinguishing(
  scene: Scene,
  object: SceneObject,
  without?: keyof ObjectFacts,
): ObjectFacts[] {
  return fullest
    .filter((names) => without === undefined || !names.includes(without))
    .map((names): ObjectFacts => Object.fromEntries(names.map((name) => [name, object[name]])))
    .filter((facts) => scene.objects.every((other) => other === object || !fits(other, facts)));
}

/** How relations and places are said; the first of each is the plainest. */
export const relationWords: Readonly<Record<RelationName, readonly string[]>> = {
  'left of': ['left of', 'to the left of'],
  'right of': ['right of', 'to the right of'],
  above: ['above', 'over'],
  below: ['below', 'under'],
};

/** Where something is, seen from `it`: `to its left`. */
export const relationToIt: Readonly<Record<RelationName, string>> = {
  'left of': 'to its left',
  'right of': 'to its right',
  above: 'above it',
  below: 'below it',
};

export const placeWords: Readonly<Record<PlaceName, readonly string[]>> = {
  'top left': ['at the top left', 'in the top left corner'],
  top: ['at the top'],
  'top right': ['at the top right', 'in the top right corner'],
  left: ['on the left', 'at the left'],
  centre: ['in the centre', 'in the middle'],
  right: ['on the right', 'at the right'],
  'bottom left': ['at the bottom left', 'in the bottom left corner'],
  bottom: ['at the bottom'],
  'bottom right': ['at the bottom right', 'in the bottom right corner'],
};
