import { EmuError } from '@emu-ts/base';
import { type RgbImage, resize } from '@emu-ts/media';
import { nameColour, rgbToHsv } from '../world/colour.js';
import type { Facts } from '../world/scene.js';
import { type Rgb, sizeBoundary } from '../world/vocabulary.js';
import { fitBackground } from './background.js';
import { difference, profile } from './profile.js';
import { type Segment, segments } from './segments.js';
import { templates } from './templates.js';

/** Something found in a picture. Lengths are parts of its side. */
export interface FoundObject extends Facts {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly rgb: Rgb;
  /** How much nearer the shape is than the next best: 0 for a toss-up, 1 for a perfect fit. */
  readonly certainty: number;
}

/** The side at which pictures are parsed; others are resized to it. */
const side = 64;

/**
 * Finds the objects of a picture by geometry alone: the background is fitted and removed, what is left is cut into
 * connected things, each is named by the hue of its most colourful pixels and by the nearest outline of the eight
 * shapes. Grey things are no objects.
 * @throws EmuError `PICTURE` for a picture that is not square.
 */
export function parsePicture(image: RgbImage): FoundObject[] {
  if (image.width !== image.height) {
    throw new EmuError('PICTURE', `Got a picture of ${image.width} × ${image.height}, wanted a square one.`);
  }
  const { data } = image.width === side ? image : resize(image, { width: side, height: side });
  const fit = fitBackground(data, side);
  return segments(fit, side).flatMap((segment) => {
    const rgb = fillOf(segment, data);
    return rgbToHsv(rgb).saturation < 0.13 ? [] : [{ ...nearest(segment), rgb, colour: nameColour(rgb) }];
  });
}

/** The mean of the most colourful third of the inside: outlines and blurred edges have less colour than the fill. */
function fillOf({ core }: Segment, data: Uint8Array): Rgb {
  const colours = core.map((i): Rgb => [data[i * 3], data[i * 3 + 1], data[i * 3 + 2]]);
  const chroma = (rgb: Rgb) => Math.max(...rgb) - Math.min(...rgb);
  const best = colours.sort((a, b) => chroma(b) - chroma(a)).slice(0, Math.ceil(colours.length / 3));
  const mean = (c: 0 | 1 | 2) => best.reduce((sum, rgb) => sum + rgb[c], 0) / best.length;
  return [mean(0), mean(1), mean(2)];
}

function nearest(segment: Segment): Omit<FoundObject, 'rgb' | 'colour'> {
  const { area, x, y } = segment;
  const own = profile(segment, side);
  let [best, distance, second] = [templates(side)[0], Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const template of templates(side)) {
    const d = difference(own, template.profile);
    if (d < distance) {
      if (template.shape !== best.shape) second = distance;
      [best, distance] = [template, d];
    } else if (template.shape !== best.shape) second = Math.min(second, d);
  }
  const radius = Math.sqrt(area / best.areaFactor) / side;
  return {
    shape: best.shape,
    size: radius < sizeBoundary ? 'small' : 'large',
    x: x / side,
    y: y / side,
    radius,
    certainty: 1 - distance / second,
  };
}
