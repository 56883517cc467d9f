import { EmuError } from '@emu-ts/base';
import type { Draws } from '../../draws.js';
import { type Weights, weightsOf } from '../weights.js';
import { colourDistance, hsvToRgb, shadeOf, shadeWords } from './colour.js';
import { outlines } from './outline.js';
import {
  type Background,
  type Facts,
  isClear,
  isClearlyPlaced,
  isHeldOutObject,
  type Scene,
  type SceneObject,
} from './scene.js';
import {
  type ColourName,
  colourNames,
  type QuestionKind,
  questionKinds,
  type Rgb,
  radii,
  type ShapeName,
  type SizeName,
  shapeNames,
  sizeNames,
} from './vocabulary.js';

/** `train` shows no held-out combination, `test` at least one in every scene, `any` does not look. */
export type Split = 'train' | 'test' | 'any';

/** How often a picture is drawn in some way, as probabilities. */
export interface Style {
  /** Smooth edges; 0.8 by default. */
  readonly antialias: number;
  /** Each object with a line along its edge; 0.25. */
  readonly outline: number;
  /** Each object turned, half of them slightly and half by any angle; 0.6. */
  readonly turned: number;
  /** A gradient instead of a plain shade; 0.4. */
  readonly gradient: number;
  /** Noise on the background; 0.3. */
  readonly noise: number;
}

export interface WorldOptions {
  readonly split?: Split | undefined;
  readonly shapes?: readonly ShapeName[] | undefined;
  readonly colours?: readonly ColourName[] | undefined;
  /** `['large']` for the first steps of a curriculum: then at most two objects. */
  readonly sizes?: readonly SizeName[] | undefined;
  /** Fewest and most objects of a scene; `[1, 4]` by default. */
  readonly objects?: readonly [min: number, max: number] | undefined;
  readonly style?: { readonly [Name in keyof Style]?: Style[Name] | undefined } | undefined;
  /** Kinds of question and how often they come, where scenes allow; every kind alike by default. */
  readonly questions?: Weights<QuestionKind> | undefined;
}

/** The world with every choice made. */
export interface World {
  readonly split: Split;
  readonly shapes: readonly ShapeName[];
  readonly colours: readonly ColourName[];
  readonly sizes: readonly SizeName[];
  readonly objects: readonly [number, number];
  readonly style: Style;
  /** Weights of `questionKinds`. */
  readonly questions: readonly number[];
}

const listed = <T>(list: readonly T[] | undefined, known: readonly T[], what: string): readonly T[] => {
  if (!list) return known;
  if (list.length > 0 && list.every((one) => known.includes(one))) return list;
  throw new EmuError('WORLD', `Got ${what} [${list.join(', ')}], wanted some of ${known.join(', ')}.`);
};

/** Fills in the defaults. @throws EmuError `WORLD` for unknown names or a number of objects that does not fit. */
export function world(options: WorldOptions = {}): World {
  const { split = 'any', style = {} } = options;
  const sizes = listed(options.sizes, sizeNames, 'sizes');
  const most = sizes.includes('small') ? 4 : 2;
  const [min, max] = options.objects ?? [1, most];
  if (!(Number.isInteger(min) && Number.isInteger(max) && 1 <= min && min <= max && max <= most)) {
    throw new EmuError(
      'WORLD',
      `Got ${min} to ${max} objects of size ${sizes.join(' or ')}, wanted 1 to ${most}.`,
    );
  }
  const { antialias = 0.8, outline = 0.25, turned = 0.6, gradient = 0.4, noise = 0.3 } = style;
  return {
    split,
    shapes: listed(options.shapes, shapeNames, 'shapes'),
    colours: listed(options.colours, colourNames, 'colours'),
    sizes,
    objects: [min, max],
    style: { antialias, outline, turned, gradient, noise },
    questions: weightsOf('question kind', questionKinds, options.questions),
  };
}

/** Whether an object may stand in a scene of the split; in a test scene one object more has to be held out. */
export const isAllowed = (facts: Facts, split: Split): boolean =>
  split !== 'train' || !isHeldOutObject(facts);

const attempts = 2000;

/** Tries until `make` gives something. @throws EmuError `WORLD` when the options leave no room for it. */
export function retry<T>(what: string, make: () => T | undefined): T {
  for (let i = 0; i < attempts; i++) {
    const made = make();
    if (made !== undefined) return made;
  }
  throw new EmuError('WORLD', `Found no ${what} in ${attempts} attempts.`, {
    hint: 'Allow more shapes, colours or sizes.',
  });
}

/** Facts of one object. @param heldOut true: a combination kept for tests; false: as the split allows. */
export const drawFacts = (draws: Draws, w: World, heldOut = false): Facts =>
  retry(`${heldOut ? 'held-out ' : ''}object`, () => {
    const facts = { shape: draws.pick(w.shapes), colour: draws.pick(w.colours), size: draws.pick(w.sizes) };
    return (heldOut ? isHeldOutObject(facts) : isAllowed(facts, w.split)) ? facts : undefined;
  });

/** Facts of `count` objects, no two of one colour and shape. */
export const drawManyFacts = (draws: Draws, w: World, count: number): Facts[] =>
  retry('set of different objects', () => {
    const many = Array.from({ length: count }, (_, i) => drawFacts(draws, w, w.split === 'test' && i === 0));
    const large = many.filter(({ size }) => size === 'large').length;
    const names = new Set(many.map(({ shape, colour }) => `${colour} ${shape}`));
    return names.size === count && large <= [0, 1, 2, 2, 1][count] ? draws.shuffle(many) : undefined;
  });

type Placed = (objects: readonly SceneObject[]) => boolean;

/**
 * A scene of the world.
 * @param count objects; drawn when absent.
 * @param placed asks for more of the layout.
 */
export function drawRandomScene(draws: Draws, w: World, count?: number, placed: Placed = () => true): Scene {
  const [min, max] = w.objects;
  const wanted = count ?? min + draws.int(max - min + 1);
  return dress(
    draws,
    w,
    retry('scene', () => lay(draws, drawManyFacts(draws, w, wanted), placed, 40)),
  );
}

/**
 * Places and styles objects of these facts: apart from each other, each clearly related to the next one, a single one
 * clearly placed.
 * @param placed asks for more of the layout.
 */
export function arrange(draws: Draws, w: World, facts: readonly Facts[], placed: Placed = () => true): Scene {
  return dress(
    draws,
    w,
    retry('layout', () => lay(draws, facts, placed, 1)),
  );
}

function lay(
  draws: Draws,
  facts: readonly Facts[],
  placed: Placed,
  tries: number,
): SceneObject[] | undefined {
  for (let i = 0; i < tries; i++) {
    const spots: Spot[] = [];
    for (const one of facts) {
      const spot = findSpot(draws, one, spots);
      if (spot) spots.push(spot);
    }
    const complete = spots.length === facts.length;
    const clear = spots.length !== 1 || isClearlyPlaced(spots[0]);
    if (!complete || !clear) continue;
    const objects = spots.map((spot) => objectAt(draws, spot));
    if (placed(objects)) return objects;
  }
  return undefined;
}

/** Where an object would stand. Most are given up again, so that nothing else of it is worked out yet. */
interface Spot {
  readonly facts: Facts;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly reach: number;
  /** Where the draws hold its shade. */
  readonly shade: number;
}

/** Room kept between objects, and between objects and the picture's edge. */
const gap = 0.05;
const margin = 0.03;

/** Whether the circles around two objects keep the gap. */
export const areApart = (a: SceneObject, b: SceneObject): boolean => isAway(a, b, reachOf(a) + reachOf(b));

type Point = Pick<SceneObject, 'x' | 'y'>;

const isAway = (a: Point, b: Point, reach: number): boolean =>
  Math.hypot(a.x - b.x, a.y - b.y) >= reach + gap;

/** Distance from the centre to the furthest point. */
export const reachOf = ({ shape, radius }: SceneObject): number => outlines[shape].reach * radius;

/** Range of a coordinate that keeps the object inside the picture. */
export const roomOf = (reach: number): readonly [number, number] => [reach + margin, 1 - reach - margin];

/** Apart from the objects that are there, and clearly related to the last of them. */
function findSpot(draws: Draws, facts: Facts, there: readonly Spot[]): Spot | undefined {
  const previous = there.at(-1);
  for (let i = 0; i < 12; i++) {
    const spot = drawSpot(draws, facts);
    if (previous && !isClear(previous, spot)) continue;
    if (there.every((other) => isAway(spot, other, spot.reach + other.reach))) return spot;
  }
  return undefined;
}

function drawSpot(draws: Draws, facts: Facts): Spot {
  const radius = draws.range(...radii[facts.size]);
  const reach = outlines[facts.shape].reach * radius;
  const [low, high] = roomOf(reach);
  const shade = draws.position;
  draws.seek(shade + shadeWords);
  return { facts, x: draws.range(low, high), y: draws.range(low, high), radius, reach, shade };
}

function objectAt(draws: Draws, { facts, x, y, radius, shade }: Spot): SceneObject {
  const { position } = draws;
  draws.seek(shade);
  const rgb = shadeOf(facts.colour, draws);
  draws.seek(position);
  return { ...facts, x, y, radius, rotation: 0, rgb };
}

/** Gives a layout its background, turns and outlines. */
function dress(draws: Draws, w: World, layout: readonly SceneObject[]): Scene {
  const { style } = w;
  const background = retry('background', () => {
    const made = drawBackground(draws, style);
    return layout.every(({ rgb }) => contrast(rgb, made) >= 60) ? made : undefined;
  });
  const objects = layout.map((object) => {
    const turned = draws.chance(style.turned) ? draws.range(-1, 1) * (draws.chance(0.5) ? 0.35 : Math.PI) : 0;
    const outline = draws.chance(style.outline) ? drawOutline(draws, object, background) : undefined;
    const rotation = outlines[object.shape].symmetry === 0 ? 0 : turned;
    return { ...object, rotation, ...(outline ? { outline } : {}) };
  });
  return { objects, background, antialias: draws.chance(style.antialias) };
}

const contrast = (rgb: Rgb, { from, to }: Background): number =>
  Math.min(colourDistance(rgb, from), colourDistance(rgb, to));

function drawBackground(draws: Draws, style: Style): Background {
  const shade = (): Rgb => {
    if (draws.chance(0.25)) return draws.chance(0.5) ? [255, 255, 255] : [0, 0, 0];
    return hsvToRgb(draws.range(0, 360), draws.range(0, 0.12), draws.range(0.05, 1));
  };
  const from = shade();
  const to = draws.chance(style.gradient) ? shade() : from;
  const noise = draws.chance(style.noise) ? draws.range(4, 16) : 0;
  return { from, to, angle: draws.range(0, 2 * Math.PI), noise, noiseSeed: draws.bits() };
}

function drawOutline(
  draws: Draws,
  { rgb, radius }: SceneObject,
  background: Background,
): SceneObject['outline'] {
  const [r, g, b] = rgb;
  const dark: Rgb = [Math.round(r * 0.5), Math.round(g * 0.5), Math.round(b * 0.5)];
  const line = draws.pick<Rgb>([[0, 0, 0], [255, 255, 255], dark]);
  const width = radius * draws.range(0.1, 0.15);
  return contrast(line, background) >= 50 ? { rgb: line, width } : undefined;
}

/** The same object in another colour or shape, as an edit of a picture. */
export const repaint = (draws: Draws, object: SceneObject, colour: ColourName): SceneObject => ({
  ...object,
  colour,
  rgb: shadeOf(colour, draws),
});
