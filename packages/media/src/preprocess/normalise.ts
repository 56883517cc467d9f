/**
 * From 8-bit samples to model input. There are 256 values per channel, so each arithmetic is a table: the formulas
 * below are evaluated 256 times and the rounding of every step is the original's.
 */
import { type HostTensor, tensor } from '@emu-ts/base';
import type { RgbImage } from '../rgb-image.js';

export type Triple = readonly [red: number, green: number, blue: number];

/** How a sample 0 … 255 of a channel becomes a number. */
export type Arithmetic = (sample: number, mean: number, std: number) => number;

const { fround } = Math;

/** torchvision ToTensor and Normalize: f32 at every step. */
export const torchvision: Arithmetic = (sample, mean, std) =>
  fround(fround(fround(sample / 255) - fround(mean)) / fround(std));

/** NumPy on a PIL image: f64 throughout, rounded to f32 at the end. */
export const pil: Arithmetic = (sample, mean, std) => fround((sample / 255 - mean) / std);

/** Three tables of 256. */
export const tablesOf = (arithmetic: Arithmetic, mean: Triple, std: Triple): readonly Float32Array[] =>
  [0, 1, 2].map((c) =>
    Float32Array.from({ length: 256 }, (_, sample) => arithmetic(sample, mean[c], std[c])),
  );

/** Looks every sample up and writes the picture as planes: HWC → `[3, height, width]` at `out[offset]`. */
export function writePlanes(
  { width, height, data }: RgbImage,
  tables: readonly Float32Array[],
  out: Float32Array,
  offset = 0,
): void {
  const area = width * height;
  for (let c = 0; c < 3; c++) {
    const table = tables[c];
    const plane = offset + c * area;
    for (let i = 0; i < area; i++) out[plane + i] = table[data[i * 3 + c]];
  }
}

/** An empty `[n, 3, height, width]`, or `[3, height, width]` without n. */
export const planes = (height: number, width: number, n?: number): HostTensor<'f32'> =>
  tensor('f32', n === undefined ? [3, height, width] : [n, 3, height, width]);
