import { type RgbImage, rgbImage } from '@emu-ts/media';
import { drawScene } from '../world/draw-scene.js';
import { outlines } from '../world/outline.js';
import { radii, type ShapeName, shapeNames } from '../world/vocabulary.js';
import { fitBackground } from './background.js';
import { profile } from './profile.js';
import { segments } from './segments.js';

/** What a shape of one size looks like to the parser: drawn, blurred, found and measured as any picture is. */
export interface Template {
  readonly shape: ShapeName;
  /** Area over the squared radius, both in pixels. */
  readonly areaFactor: number;
  readonly area: number;
  readonly profile: Float64Array;
}

/** Templates of every shape, at radii and blurs that pictures have; made once per side. */
export function templates(side: number): readonly Template[] {
  const known = cache.get(side);
  if (known) return known;
  const made: Template[] = [];
  for (const shape of shapeNames) {
    const { symmetry } = outlines[shape];
    const turns = symmetry === 0 ? [0] : [0, symmetry / 3, symmetry / 2];
    for (const [low, high] of Object.values(radii)) {
      for (const blurs of [0, 1, 2]) {
        for (const turn of turns) made.push(template(shape, (low + high) / 2, turn, blurs, side));
      }
    }
  }
  cache.set(side, made);
  return made;
}

const cache = new Map<number, readonly Template[]>();

function template(shape: ShapeName, radius: number, rotation: number, blurs: number, side: number): Template {
  const background = { from: [0, 0, 0], to: [0, 0, 0], angle: 0, noise: 0, noiseSeed: 0 } as const;
  const object = {
    shape,
    colour: 'red',
    size: 'small',
    x: 0.5,
    y: 0.5,
    radius,
    rotation,
    rgb: [255, 255, 255],
  } as const;
  let image = drawScene({ objects: [object], background, antialias: true }, side);
  for (let i = 0; i < blurs; i++) image = blurred(image);
  const [found] = segments(fitBackground(image.data, side), side);
  return {
    shape,
    areaFactor: found.area / (radius * side) ** 2,
    area: found.area,
    profile: profile(found, side),
  };
}

/** A picture under the kernel [1 2 1] in both directions: a blur of 0.7 pixels. */
export function blurred({ width, height, data }: RgbImage): RgbImage {
  const pass = (from: Uint8Array, step: number, count: (i: number) => number, last: number): Uint8Array =>
    from.map((value, i) => {
      const at = count(i);
      const before = from[at > 0 ? i - step : i];
      const after = from[at < last ? i + step : i];
      return Math.round((before + 2 * value + after) / 4);
    });
  const across = pass(data, 3, (i) => Math.floor(i / 3) % width, width - 1);
  return rgbImage(
    width,
    height,
    pass(across, width * 3, (i) => Math.floor(i / 3 / width), height - 1),
  );
}
