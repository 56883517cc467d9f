import {
  colourDistance,
  type Draws,
  hsvToRgb,
  isHeldOutObject,
  nameColour,
  type Rgb,
  type Scene,
  type SceneObject,
} from '@emu-ts/data';
import type { RgbImage } from '@emu-ts/media';

/** One channel's mix in all three, as it is or as a negative. */
export function withoutColour({ width, height, data }: RgbImage, draws: Draws): RgbImage {
  const mix = [draws.range(), draws.range(), draws.range()];
  const sum = mix[0] + mix[1] + mix[2];
  const negative = draws.chance(0.3);
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const grey = (data[i] * mix[0] + data[i + 1] * mix[1] + data[i + 2] * mix[2]) / sum;
    out.fill(negative ? 255 - grey : grey, i, i + 3);
  }
  return { width, height, data: out };
}

/**
 * The scene in pale, dull and dark colours that have no name in the world: shapes are to be known whatever their colour.
 * None comes near a colour that training keeps back for the object's shape and size.
 */
export function inNamelessColours(scene: Scene, draws: Draws): Scene {
  const { from, to } = scene.background;
  const stands = (rgb: Rgb) => colourDistance(rgb, from) >= 60 && colourDistance(rgb, to) >= 60;
  return {
    ...scene,
    objects: scene.objects.map((object) => ({ ...object, rgb: namelessFor(object, stands, draws) })),
  };
}

const tries = 50;

function namelessFor(object: SceneObject, stands: (rgb: Rgb) => boolean, draws: Draws): Rgb {
  for (let i = 0; i < tries; i++) {
    const hue = draws.range(0, 360);
    // Named pinks are pale already.
    const rgb = hsvToRgb(hue, draws.range(0, hue > 308 ? 0.18 : 0.5), draws.range(0.1, 1));
    if (stands(rgb) && !isHeldOutObject({ ...object, colour: nameColour(rgb) })) return rgb;
  }
  return object.rgb;
}
