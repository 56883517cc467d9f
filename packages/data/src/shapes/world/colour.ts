import type { Draws } from '../../draws.js';
import { type ColourName, palette, type Rgb } from './vocabulary.js';

/** @param hue degrees, any turn; @param saturation, value in 0..1. */
export function hsvToRgb(hue: number, saturation: number, value: number): Rgb {
  const channel = (n: number) => {
    const k = (((n + hue / 60) % 6) + 6) % 6;
    return Math.round(255 * value * (1 - saturation * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return [channel(5), channel(3), channel(1)];
}

/** Hue in 0..360 degrees, saturation and value in 0..1; grey has hue 0. */
export function rgbToHsv([r, g, b]: Rgb): { hue: number; saturation: number; value: number } {
  const max = Math.max(r, g, b);
  const chroma = max - Math.min(r, g, b);
  const sector =
    chroma === 0 ? 0 : max === r ? (g - b) / chroma : max === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
  return { hue: (sector * 60 + 360) % 360, saturation: max === 0 ? 0 : chroma / max, value: max / 255 };
}

/** Words that `shadeOf` draws. */
export const shadeWords = 4;

/** A shade of the named colour. */
export function shadeOf(colour: ColourName, draws: Draws): Rgb {
  const { hue, saturation, value } = draws.pick(palette[colour]);
  return hsvToRgb(draws.range(...hue), draws.range(...saturation), draws.range(...value));
}

/** Where one colour ends and the next begins, by hue. */
const boundaries: readonly (readonly [below: number, name: ColourName])[] = [
  [16, 'red'],
  [45, 'orange'],
  [78, 'yellow'],
  [160, 'green'],
  [202, 'cyan'],
  [254, 'blue'],
  [308, 'purple'],
  [342, 'pink'],
  [360, 'red'],
];

/** The name of a colour that is no grey; light reds are pink. */
export function nameColour(rgb: Rgb): ColourName {
  const { hue, saturation, value } = rgbToHsv(rgb);
  const name = boundaries.find(([below]) => hue < below)?.[1] ?? 'red';
  return name === 'red' && (hue > 330 || hue < 10) && saturation < 0.5 && value > 0.75 ? 'pink' : name;
}

/** Distance of two colours, 0 to about 255, weighted as the eye sees it (the "redmean" of Riemersma). */
export function colourDistance([r, g, b]: Rgb, [r2, g2, b2]: Rgb): number {
  const mean = (r + r2) / 2;
  const squared =
    (2 + mean / 256) * (r - r2) ** 2 + 4 * (g - g2) ** 2 + (2 + (255 - mean) / 256) * (b - b2) ** 2;
  return Math.sqrt(squared) / 3;
}
