import {
  type ColourName,
  colourNames,
  type PlaceName,
  placeNames,
  type RelationName,
  type Rgb,
  relationNames,
  type ShapeName,
  type SizeName,
  shapeNames,
  sizeNames,
} from './vocabulary.js';

/** One drawn thing. Lengths are parts of the picture's side, y grows downwards. */
export interface SceneObject extends Facts {
  /** Centre. */
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** Clockwise turn in radians. */
  readonly rotation: number;
  /** The shade of `colour` it is filled with. */
  readonly rgb: Rgb;
  /** A line of `width` along its inner edge. */
  readonly outline?: { readonly rgb: Rgb; readonly width: number } | undefined;
}

/** `from` at one side to `to` at the other (equal for a plain shade), with noise on top. */
export interface Background {
  readonly from: Rgb;
  readonly to: Rgb;
  /** Direction of the gradient in radians. */
  readonly angle: number;
  /** Largest deviation of a pixel in 8-bit steps; 0 for none. */
  readonly noise: number;
  readonly noiseSeed: number;
}

/** A picture as data: the truth about what is drawn. */
export interface Scene {
  readonly objects: readonly SceneObject[];
  readonly background: Background;
  readonly antialias: boolean;
}

/** What can be said of an object wherever it is. */
export interface Facts {
  readonly shape: ShapeName;
  readonly colour: ColourName;
  readonly size: SizeName;
}

/**
 * Objects by what they are, in the order of the world's lists: colour, then shape, then size, and last from left to right.
 * Whoever names all objects of a picture in this order never has to remember which ones were named.
 */
export const inOrder = <O extends Facts & Pick<SceneObject, 'x'>>(objects: readonly O[]): O[] =>
  [...objects].sort((a, b) => rank(a) - rank(b));

const rank = ({ colour, shape, size, x }: Facts & Pick<SceneObject, 'x'>): number =>
  ((colourNames.indexOf(colour) * shapeNames.length + shapeNames.indexOf(shape)) * sizeNames.length +
    sizeNames.indexOf(size)) *
    2 +
  x;

/** Some of it. */
export type ObjectFacts = { readonly [Name in keyof Facts]?: Facts[Name] | undefined };

export const factsOf = ({ shape, colour, size }: Facts): Facts => ({ shape, colour, size });

/** Whether everything said is true of the object. */
export const fits = (object: ObjectFacts, facts: ObjectFacts): boolean =>
  (['shape', 'colour', 'size'] as const).every(
    (name) => facts[name] === undefined || facts[name] === object[name],
  );

type Point = Pick<SceneObject, 'x' | 'y'>;

/** How much further apart two centres are along one axis than along the other, where the relation has one name. */
export const relationMargin = 0.08;

/** The relation of `a` to `b` along the axis on which they are further apart, whatever the margin. */
export function relationOf(a: Point, b: Point): RelationName {
  const [dx, dy] = [a.x - b.x, a.y - b.y];
  if (Math.abs(dx) >= Math.abs(dy)) return dx < 0 ? 'left of' : 'right of';
  return dy < 0 ? 'above' : 'below';
}

/** Whether one axis clearly dominates, so that there is one right answer. */
export const isClear = (a: Point, b: Point): boolean =>
  Math.abs(Math.abs(a.x - b.x) - Math.abs(a.y - b.y)) >= relationMargin;

/** Whether the relation may be said of the two: the centres differ along its axis by at least the margin. */
export function holds(relation: RelationName, a: Point, b: Point): boolean {
  const along = relation === 'left of' || relation === 'right of' ? b.x - a.x : b.y - a.y;
  return (relation === 'left of' || relation === 'above' ? along : -along) >= relationMargin;
}

/** What lies left of, right of, above and below an object of a scene, wherever one other object alone does, and clearly. */
export const neighboursOf = (
  { objects }: Pick<Scene, 'objects'>,
  anchor: SceneObject,
): { readonly relation: RelationName; readonly object: SceneObject }[] =>
  relationNames.flatMap((relation) => {
    const found = objects.filter((object) => object !== anchor && holds(relation, object, anchor));
    const [object] = found;
    const clear = found.length === 1 && isClear(object, anchor) && relationOf(object, anchor) === relation;
    return clear ? [{ relation, object }] : [];
  });

/** Whether `middle` lies between the two, near the line that joins them. */
export function isBetween(middle: Point, a: Point, b: Point): boolean {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const squared = dx * dx + dy * dy;
  const along = ((middle.x - a.x) * dx + (middle.y - a.y) * dy) / squared;
  const off = Math.abs((middle.x - a.x) * dy - (middle.y - a.y) * dx) / Math.sqrt(squared);
  return along > 0.25 && along < 0.75 && off < 0.12;
}

const thirds = [0.4, 0.6] as const;
const third = (v: number): number => (v < thirds[0] ? 0 : v < thirds[1] ? 1 : 2);

/** Which of the nine places of the picture a centre lies in. */
export const placeOf = ({ x, y }: Point): PlaceName => placeNames[third(y) * 3 + third(x)];

/** Whether the place has one right name: the centre keeps away from the lines between places. */
export const isClearlyPlaced = ({ x, y }: Point): boolean =>
  [x, y].every((v) => thirds.every((line) => Math.abs(v - line) >= 0.03));

/**
 * The combinations kept for tests: of the 64 pairs of colour and shape eight, in which every colour and every shape
 * occurs once, and of eight more pairs the large or the small one alone.
 */
export function isHeldOutObject({ shape, colour, size }: Facts): boolean {
  const diagonal = (colourNames.indexOf(colour) * 3 + shapeNames.indexOf(shape)) % 8;
  if (diagonal === 5) return true;
  return diagonal === 2 && (size === 'large') === (colourNames.indexOf(colour) % 2 === 0);
}

/** Whether a scene shows a held-out combination. Training scenes never do; test scenes always do. */
export const isHeldOut = (scene: Pick<Scene, 'objects'>): boolean => scene.objects.some(isHeldOutObject);
