import { philoxBlock } from '@emu-ts/base';
import { type RgbImage, rgbImage } from '@emu-ts/media';
import { outlines } from './outline.js';
import type { Background, Scene, SceneObject } from './scene.js';

/**
 * Draws a scene. Edges are smoothed by the analytic coverage of a pixel, one pixel wide, from the signed distance to
 * the outline; without anti-aliasing a pixel is inside or outside by its centre.
 * @param size side in pixels; 64 by default.
 */
export function drawScene(scene: Scene, size = 64): RgbImage {
  const image = rgbImage(size, size);
  fillBackground(image.data, size, scene.background);
  for (const object of scene.objects) fillObject(image.data, size, object, scene.antialias);
  return image;
}

function fillBackground(
  data: Uint8Array,
  size: number,
  { from, to, angle, noise, noiseSeed }: Background,
): void {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const span = Math.abs(cos) + Math.abs(sin);
  const grain = noise > 0 ? noiseBytes(size * size, noiseSeed) : undefined;
  for (let i = 0, y = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i++) {
      const t = (((x + 0.5) / size - 0.5) * cos + ((y + 0.5) / size - 0.5) * sin) / span + 0.5;
      const shift = grain ? (grain[i] / 127.5 - 1) * noise : 0;
      for (let c = 0; c < 3; c++) data[i * 3 + c] = toByte(from[c] + (to[c] - from[c]) * t + shift);
    }
  }
}

/** Each block of four words is sixteen grains. */
function noiseBytes(count: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(count / 16) * 4);
  for (let i = 0; i < words.length; i += 4) philoxBlock([i, 0, 0, 1], [seed >>> 0, 0], words, i);
  return new Uint8Array(words.buffer);
}

function fillObject(data: Uint8Array, size: number, object: SceneObject, antialias: boolean): void {
  const { shape, rotation, rgb, outline } = object;
  const { distance, reach, solid } = outlines[shape];
  const radius = object.radius * size;
  const [cx, cy] = [object.x * size, object.y * size];
  const [cos, sin] = [Math.cos(rotation), Math.sin(rotation)];
  const line = outline ? outline.width * size : 0;
  const extent = radius * reach + 1;
  // Far outside nothing is drawn, and deep inside there is nothing but fill: only the rest needs the distance.
  const outside = (reach + 1 / radius) ** 2;
  const deep = Math.max(0, solid - (line + 1) / radius) ** 2;
  const fill = rgb.map(toByte);
  const cover = (d: number) => (antialias ? Math.max(0, Math.min(1, 0.5 - d)) : d < 0 ? 1 : 0);
  const last = size - 1;
  for (let y = clamp(Math.floor(cy - extent), last); y <= clamp(Math.ceil(cy + extent), last); y++) {
    for (let x = clamp(Math.floor(cx - extent), last); x <= clamp(Math.ceil(cx + extent), last); x++) {
      const [px, py] = [(x + 0.5 - cx) / radius, (y + 0.5 - cy) / radius];
      const squared = px * px + py * py;
      if (squared > outside) continue;
      const i = (y * size + x) * 3;
      if (squared < deep) {
        data.set(fill, i);
        continue;
      }
      const d = distance(px * cos + py * sin, py * cos - px * sin) * radius;
      const all = cover(d);
      if (all === 0) continue;
      const inner = outline ? cover(d + line) : all;
      for (let c = 0; c < 3; c++) {
        const edge = outline ? outline.rgb[c] * (all - inner) : 0;
        data[i + c] = toByte(data[i + c] * (1 - all) + rgb[c] * inner + edge);
      }
    }
  }
}

const clamp = (v: number, last: number): number => Math.max(0, Math.min(last, v));
const toByte = (v: number): number => Math.max(0, Math.min(255, Math.round(v)));
