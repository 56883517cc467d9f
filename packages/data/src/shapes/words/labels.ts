import { isHeldOutObject, type Scene } from '../world/scene.js';
import {
  type ColourName,
  colourNames,
  numberNames,
  type ShapeName,
  shapeNames,
  sizeNames,
} from '../world/vocabulary.js';

const pairs = colourNames.flatMap((colour) => shapeNames.map((shape) => ({ colour, shape })));
const nameOf = ({ colour, shape }: { colour: ColourName; shape: ShapeName }): string => `${colour} ${shape}`;

/** Everything that a picture of the world can be labelled with. */
export const sceneLabels: readonly string[] = [
  ...numberNames.slice(1),
  ...sizeNames,
  ...colourNames,
  ...shapeNames,
  ...pairs.map(nameOf),
];

/** Pairs of colour and shape that no training picture shows, in either size. */
export const heldOutLabels: readonly string[] = pairs
  .filter((pair) => sizeNames.every((size) => isHeldOutObject({ ...pair, size })))
  .map(nameOf);

/** How many objects there are, and their sizes, colours, shapes and pairs of both, each once. */
export function labelsOf({ objects }: Pick<Scene, 'objects'>): string[] {
  const facts = objects.flatMap((object) => [object.size, object.colour, object.shape, nameOf(object)]);
  return [...new Set([numberNames[objects.length], ...facts])];
}
