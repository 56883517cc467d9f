import type { Segment } from './segments.js';

const rings = 16;
const angles = 48;
const harmonics = 9;
/** Furthest ring, in units of the radius of a circle of the same area. */
const furthest = 1.75;

/**
 * The shape of a segment whatever its place, size and turn: its cover along rings around the centre of mass, each ring as
 * the magnitudes of its first Fourier coefficients. A star has five waves where a square has four and a circle none;
 * a ring has nothing in the middle.
 */
export function profile({ cover, area, x, y }: Segment, side: number): Float64Array {
  const unit = Math.sqrt(area / Math.PI);
  const out = new Float64Array(rings * harmonics);
  const line = new Float64Array(angles);
  for (let r = 0; r < rings; r++) {
    const radius = ((r + 0.5) / rings) * furthest;
    for (let a = 0; a < angles; a++) {
      line[a] = sample(cover, side, x + radius * unit * cosines[a], y + radius * unit * sines[a]);
    }
    // Rings weigh as much as the area they stand for.
    const weight = Math.sqrt(radius);
    for (let m = 0; m < harmonics; m++) {
      let [re, im] = [0, 0];
      for (let a = 0; a < angles; a++) {
        const at = (a * m) % angles;
        re += line[a] * cosines[at];
        im += line[a] * sines[at];
      }
      out[r * harmonics + m] = (weight * Math.hypot(re, im) * (m === 0 ? 1 : Math.SQRT2)) / angles;
    }
  }
  return out;
}

const cosines = Float64Array.from({ length: angles }, (_, a) => Math.cos((2 * Math.PI * a) / angles));
const sines = Float64Array.from({ length: angles }, (_, a) => Math.sin((2 * Math.PI * a) / angles));

/** Bilinear; outside the picture nothing is covered. */
function sample(cover: Float64Array, side: number, x: number, y: number): number {
  const [fx, fy] = [x - 0.5, y - 0.5];
  const [x0, y0] = [Math.floor(fx), Math.floor(fy)];
  const [tx, ty] = [fx - x0, fy - y0];
  const at = (px: number, py: number) =>
    px < 0 || py < 0 || px >= side || py >= side ? 0 : cover[py * side + px];
  const top = at(x0, y0) * (1 - tx) + at(x0 + 1, y0) * tx;
  return top * (1 - ty) + (at(x0, y0 + 1) * (1 - tx) + at(x0 + 1, y0 + 1) * tx) * ty;
}

export const difference = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum);
};
