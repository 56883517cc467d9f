import {
  colourNames,
  drawScene,
  type Facts,
  inOrder,
  isHeldOutObject,
  outlines,
  type Scene,
  type SceneObject,
  shapeNames,
  sizeNames,
} from '@emu-ts/data';

/**
 * What a picture shows as yes-or-no properties, for the stage in which the model learns to see. Two views of the same
 * truth: one row per patch (what covers it), and one row per image embedding: embeddings 0 to 3 each know one object,
 * the fifth how many there are, the last the background. Objects are ordered by what they are, never by where: text
 * that names them then tells which embedding holds which.
 */
export const unknown = -1;

const factTags = 1 + colourNames.length + shapeNames.length + sizeNames.length;
const shapesFrom = 1 + colourNames.length;
const sizesFrom = shapesFrom + shapeNames.length;

/** Where colours, shapes and sizes stand among the tags of a patch or an object. */
export const shapeTags = [shapesFrom, sizesFrom] as const;
export const choices = [[1, shapesFrom], shapeTags, [sizesFrom, factTags]] as const;

/** Distances, in patches, that the centre of a patch's object may lie beyond, to the right and below. */
const offsets = [-1.5, -1, -0.5, 0, 0.5, 1, 1.5];

const steps = 11;
const directions = 4;

/** What covers a patch (covered, colours, shapes, sizes), where from the patch its centre is, and how it is turned. */
export const patchTags = factTags + 2 * offsets.length + directions;

const levels = [32, 64, 96, 128, 160, 192, 224];

/** Objects that have an embedding of their own. */
export const slots = 4;
/** Tags of one object. */
export const objectTags = factTags + 2 * steps + directions;
const countTags = slots;
const backgroundTags = 3 * levels.length;
/** Tags of one picture over all its embeddings. */
export const pictureTags = slots * objectTags + countTags + backgroundTags;

/** Where the tags of each embedding begin and end. */
export const tagsOfEmbedding: readonly (readonly [from: number, to: number])[] = [
  ...Array.from({ length: slots }, (_, i) => [i * objectTags, (i + 1) * objectTags] as const),
  [slots * objectTags, slots * objectTags + countTags],
  [slots * objectTags + countTags, pictureTags],
];

/** How much may be told of a scene. */
export interface Telling {
  /** False for a picture without colours: those of objects and background are unknown. */
  readonly coloured: boolean;
  /**
   * Whether the held-out combinations are kept from the model. Training scenes never show them; without this every red
   * thing would also teach that red things are no stars, which no picture says.
   */
  readonly reserved: boolean;
}

/** @param never which names cannot be, the rest being as it is: they are unknown, not wrong */
const oneOf = <T>(names: readonly T[], name: T, never: (other: T) => boolean): number[] =>
  names.map((other) => (other === name ? 1 : never(other) ? unknown : 0));

const facts = ({ colour, shape, size }: Facts, { coloured, reserved }: Telling): number[] => {
  const never = (change: Partial<Facts>) =>
    coloured && reserved && isHeldOutObject({ colour, shape, size, ...change });
  const sizes = oneOf(sizeNames, size, () => false);
  const onlySize = sizeNames.some((other) => never({ size: other }));
  return [
    1,
    ...oneOf(colourNames, colour, (other) => never({ colour: other })).map((tag) =>
      coloured ? tag : unknown,
    ),
    ...oneOf(shapeNames, shape, (other) => never({ shape: other })),
    ...(onlySize ? sizes.map(() => unknown) : sizes),
  ];
};

const nothing = (width: number): number[] => [0, ...new Array<number>(width - 1).fill(unknown)];

/** Is it further than k/12 of the way? */
const place = (v: number): number[] =>
  Array.from({ length: steps }, (_, k) => (v > (k + 1) / (steps + 1) ? 1 : 0));

/** On which side of four lines the shape points, a turn by its symmetry being a whole one. */
function direction({ shape, rotation }: SceneObject): number[] {
  const { symmetry } = outlines[shape];
  if (symmetry === 0) return new Array<number>(directions).fill(unknown);
  return Array.from({ length: directions }, (_, k) =>
    Math.cos((2 * Math.PI * rotation) / symmetry - (k * Math.PI) / directions) > 0 ? 1 : 0,
  );
}

/** In the order of the embeddings that hold them. Where no colour is to be seen, all count as one. */
const orderedAs = (objects: Scene['objects'], { coloured }: Telling): SceneObject[] =>
  inOrder(coloured ? objects : objects.map((object) => ({ ...object, colour: colourNames[0] })));

/** [pictureTags] */
export function tagsOfPicture({ objects, background }: Scene, telling: Telling): number[] {
  const { coloured } = telling;
  const ordered = orderedAs(objects, telling);
  const known = Array.from({ length: slots }, (_, i) => {
    const object = ordered[i];
    return object
      ? [...facts(object, telling), ...place(object.x), ...place(object.y), ...direction(object)]
      : nothing(objectTags);
  });
  const { from, to } = background;
  const shade = from.flatMap((v, c) =>
    levels.map((level) => (!coloured ? unknown : (v + to[c]) / 2 > level ? 1 : 0)),
  );
  const count = Array.from({ length: slots }, (_, i) => (objects.length === i + 1 ? 1 : 0));
  return [...known.flat(), ...count, ...shade];
}

/**
 * Writes [patches, patchTags], row by row: the object that covers a patch's centre, or nearly.
 * @param grid patches per side
 */
export function writePatchTags(out: Float32Array, { objects }: Scene, telling: Telling, grid: number): void {
  const known = objects.map((object) => ({ ...object, tags: facts(object, telling) }));
  out.fill(unknown);
  for (let cell = 0; cell < grid * grid; cell++) {
    const [x, y] = [((cell % grid) + 0.5) / grid, (Math.floor(cell / grid) + 0.5) / grid];
    const near = known.find(covering(cell, grid));
    const at = cell * patchTags;
    out[at] = 0;
    if (!near) continue;
    out.set(near.tags, at);
    for (const [k, limit] of offsets.entries()) {
      out[at + factTags + k] = (near.x - x) * grid > limit ? 1 : 0;
      out[at + factTags + offsets.length + k] = (near.y - y) * grid > limit ? 1 : 0;
    }
    out.set(direction(near), at + factTags + 2 * offsets.length);
  }
}

/**
 * Writes [patches, slots], row by row: which embedding is to hold the object that covers a patch's centre, unknown where
 * none does.
 * @param grid patches per side
 */
export function writePatchSlots(out: Float32Array, { objects }: Scene, telling: Telling, grid: number): void {
  const ordered = orderedAs(objects, telling);
  out.fill(unknown);
  for (let cell = 0; cell < grid * grid; cell++) {
    const slot = ordered.findIndex(covering(cell, grid));
    if (slot >= 0) for (let i = 0; i < slots; i++) out[cell * slots + i] = i === slot ? 1 : 0;
  }
}

/** Does an object cover the centre of a patch, or nearly? */
function covering(cell: number, grid: number) {
  const [x, y] = [((cell % grid) + 0.5) / grid, (Math.floor(cell / grid) + 0.5) / grid];
  return (object: SceneObject) => Math.hypot(object.x - x, object.y - y) < object.radius + 0.25 / grid;
}

/** Writes [patches, patch²]: which pixels an object covers, patch by patch. @param size side of the picture in pixels */
export function writePixelTags(out: Float32Array, { objects }: Scene, size: number, patchSize: number): void {
  const white = objects.map(
    (object): SceneObject => ({ ...object, rgb: [255, 255, 255], outline: undefined }),
  );
  const { data } = drawScene({ objects: white, background: black, antialias: false }, size);
  const grid = size / patchSize;
  for (let i = 0; i < size * size; i++) {
    const [y, x] = [Math.floor(i / size), i % size];
    const cell = Math.floor(y / patchSize) * grid + Math.floor(x / patchSize);
    out[(cell * patchSize + (y % patchSize)) * patchSize + (x % patchSize)] = data[i * 3] > 127 ? 1 : 0;
  }
}

const black = { from: [0, 0, 0], to: [0, 0, 0], angle: 0, noise: 0, noiseSeed: 0 } as const;
