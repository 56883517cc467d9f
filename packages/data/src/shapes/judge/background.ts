/**
 * The background under everything drawn on it: a plane curved at most quadratically per channel, fitted to the pixels
 * that agree with it. It starts from the picture's rim, where no object lies, and lets in more and more of the rest.
 */

/** x, y in −1..1 → 1, x, y, x², xy, y². */
const terms = 6;

export interface BackgroundFit {
  /** `[side, side, 3]` */
  readonly colour: Float64Array;
  /** `[side, side]` distance of each pixel from it, in 8-bit steps of grey. */
  readonly distance: Float64Array;
  /** Median distance of the pixels that belong to it. */
  readonly noise: number;
}

/** @param data `[side, side, 3]` 8-bit samples. */
export function fitBackground(data: Uint8Array, side: number): BackgroundFit {
  const basis = basisOf(side);
  const rim = 2;
  let inside = Uint8Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [i % side, Math.floor(i / side)];
    return Number(Math.min(x, y, side - 1 - x, side - 1 - y) < rim);
  });
  let fit = measure(data, side, basis, inside);
  for (let round = 0; round < 4; round++) {
    const limit = Math.max(10, 3 * fit.noise);
    inside = Uint8Array.from(fit.distance, (d) => Number(d < limit));
    fit = measure(data, side, basis, inside);
  }
  return fit;
}

/** The terms at every pixel, made once per side. */
function basisOf(side: number): Float64Array {
  const known = bases.get(side);
  if (known) return known;
  const basis = new Float64Array(side * side * terms);
  for (let i = 0; i < side * side; i++) {
    const x = ((i % side) + 0.5) * (2 / side) - 1;
    const y = (Math.floor(i / side) + 0.5) * (2 / side) - 1;
    basis.set([1, x, y, x * x, x * y, y * y], i * terms);
  }
  bases.set(side, basis);
  return basis;
}

const bases = new Map<number, Float64Array>();

function measure(data: Uint8Array, side: number, basis: Float64Array, inside: Uint8Array): BackgroundFit {
  const weights = solve(basis, data, inside);
  const colour = new Float64Array(side * side * 3);
  const distance = new Float64Array(side * side);
  for (let i = 0; i < side * side; i++) {
    for (let c = 0; c < 3; c++) {
      let sum = 0;
      for (let k = 0; k < terms; k++) sum += basis[i * terms + k] * weights[c][k];
      colour[i * 3 + c] = Math.max(0, Math.min(255, sum));
    }
    distance[i] = apart(data, colour, i * 3);
  }
  const near = distance.filter((_, i) => inside[i] === 1).sort();
  return { colour, distance, noise: near[near.length >> 1] ?? 0 };
}

/** Weighted distance of two colours at one place, as `colourDistance`. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>, at: number): number {
  const mean = (a[at] + b[at]) / 2;
  const [dr, dg, db] = [a[at] - b[at], a[at + 1] - b[at + 1], a[at + 2] - b[at + 2]];
  return Math.sqrt((2 + mean / 256) * dr * dr + 4 * dg * dg + (2 + (255 - mean) / 256) * db * db) / 3;
}

/** Least squares by the normal equations, a little damped so that a thin set of pixels stays solvable. */
function solve(basis: Float64Array, data: Uint8Array, inside: Uint8Array): Float64Array[] {
  const columns = terms + 3;
  const rows = Array.from({ length: terms }, () => new Float64Array(columns));
  for (let i = 0; i < inside.length; i++) {
    if (!inside[i]) continue;
    for (let a = 0; a < terms; a++) {
      const value = basis[i * terms + a];
      for (let b = a; b < terms; b++) rows[a][b] += value * basis[i * terms + b];
      for (let c = 0; c < 3; c++) rows[a][terms + c] += value * data[i * 3 + c];
    }
  }
  for (let a = 0; a < terms; a++) {
    for (let b = 0; b < a; b++) rows[a][b] = rows[b][a];
    rows[a][a] += 1e-6 * inside.length;
  }
  for (let a = 0; a < terms; a++) {
    for (let b = 0; b < terms; b++) {
      if (a === b) continue;
      const factor = rows[b][a] / rows[a][a];
      for (let k = a; k < columns; k++) rows[b][k] -= factor * rows[a][k];
    }
  }
  return [0, 1, 2].map((c) => Float64Array.from(rows, (row, a) => row[terms + c] / row[a]));
}
