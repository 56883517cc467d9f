import { type FilterName, filters } from './filters.js';

/** Bits after the point of a fixed-point weight: 32 less 8 for the sample and 2 for overshoot and sign. */
export const PRECISION = 32 - 8 - 2;

/** Which source samples make each output sample, and how much of each. */
export interface Taps {
  /** Weights per output sample, unused ones zero. */
  readonly stride: number;
  /** `[length]` first source sample. */
  readonly start: Int32Array;
  /** `[length]` how many source samples. */
  readonly count: Int32Array;
  /** `[length, stride]` fixed-point weights; each row sums to 2^22 up to rounding. */
  readonly weights: Int32Array;
}

/** The taps of outputs `first … first + length − 1` of a line of `from` samples resized to `to`. */
export function computeTaps(from: number, to: number, name: FilterName, first = 0, length = to): Taps {
  const filter = filters[name];
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = filter.support * stretch;
  const stride = Math.ceil(support) * 2 + 1;
  const start = new Int32Array(length);
  const count = new Int32Array(length);
  const weights = new Int32Array(length * stride);
  const row = new Float64Array(stride);
  for (let i = 0; i < length; i++) {
    const centre = (first + i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5));
    const high = Math.min(from, Math.trunc(centre + support + 0.5));
    let sum = 0;
    for (let k = 0; k < high - low; k++) {
      row[k] = filter.weight((k + low - centre + 0.5) * (1 / stretch));
      sum += row[k];
    }
    start[i] = low;
    count[i] = high - low;
    for (let k = 0; k < high - low; k++) {
      const weight = (sum === 0 ? row[k] : row[k] / sum) * 2 ** PRECISION;
      weights[i * stride + k] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
  }
  return { stride, start, count, weights };
}
