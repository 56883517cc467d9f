import type { ConvGeometry } from '../primitives/conv.js';
import { broadcastStrides } from '../strides.js';
import { type Array64, array, walk } from './array.js';

export function matmul({ a, b }: { a: Array64; b: Array64 }, shape: readonly number[]): Array64 {
  const y = array(shape);
  const [m, k] = a.shape.slice(-2);
  const n = b.shape[b.shape.length - 1];
  const batch = shape.slice(0, -2);
  const along = (x: Array64, size: number) => ({
    strides: broadcastStrides(x.shape.slice(0, -2), batch).map((s) => s * size),
  });
  walk(batch, [along(a, m * k), along(b, k * n)], (index, ia, ib) => {
    const out = index * m * n;
    for (let i = 0; i < m; i++) {
      for (let p = 0; p < k; p++) {
        const left = a.data[ia + i * k + p];
        if (left === 0) continue;
        for (let j = 0; j < n; j++) y.data[out + i * n + j] += left * b.data[ib + p * n + j];
      }
    }
  });
  return y;
}

/**
 * Calls `visit` for every product of a convolution: output, input and weight positions. Forward and both adjoints
 * are the same loop, accumulating into a different one of the three.
 */
function eachProduct(
  x: readonly number[],
  weight: readonly number[],
  y: readonly number[],
  { strides: [sh, sw], padding: [top, left] }: ConvGeometry,
  visit: (y: number, x: number, weight: number) => void,
): void {
  const [, channels, height, width] = x;
  const [outputs, , kh, kw] = weight;
  const [batch, , oh, ow] = y;
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < outputs; o++)
      for (let c = 0; c < channels; c++)
        for (let i = 0; i < kh; i++)
          for (let j = 0; j < kw; j++) {
            const w = ((o * channels + c) * kh + i) * kw + j;
            for (let r = 0; r < oh; r++) {
              const row = r * sh + i - top;
              if (row < 0 || row >= height) continue;
              const xRow = ((n * channels + c) * height + row) * width;
              const yRow = ((n * outputs + o) * oh + r) * ow;
              for (let s = 0; s < ow; s++) {
                const column = s * sw + j - left;
                if (column >= 0 && column < width) visit(yRow + s, xRow + column, w);
              }
            }
          }
}

export function conv2d(
  { x, weight }: { x: Array64; weight: Array64 },
  shape: readonly number[],
  g: ConvGeometry,
): Array64 {
  const y = array(shape);
  eachProduct(x.shape, weight.shape, shape, g, (iy, ix, iw) => {
    y.data[iy] += x.data[ix] * weight.data[iw];
  });
  return y;
}

export function conv2dInputGrad(
  { dy, weight }: { dy: Array64; weight: Array64 },
  shape: readonly number[],
  g: ConvGeometry,
): Array64 {
  const dx = array(shape);
  eachProduct(shape, weight.shape, dy.shape, g, (iy, ix, iw) => {
    dx.data[ix] += dy.data[iy] * weight.data[iw];
  });
  return dx;
}

export function conv2dWeightGrad(
  { x, dy }: { x: Array64; dy: Array64 },
  shape: readonly number[],
  g: ConvGeometry,
): Array64 {
  const dw = array(shape);
  eachProduct(x.shape, shape, dy.shape, g, (iy, ix, iw) => {
    dw.data[iw] += x.data[ix] * dy.data[iy];
  });
  return dw;
}
