import type { HostTensor } from '@emu-ts/base';
import type { RgbImage } from '@emu-ts/contracts';
import { roundHalfEven } from '../schedulers/timesteps.js';

const f32 = Math.fround;

/** Pixels [1 3 h w] in −1…1 → bytes, rounded as the reference does: x/2 + ½, cut to 0…1, times 255, halves to even. */
export function toRgb({ data, shape }: HostTensor<'f32'>): RgbImage {
  const [, channels, height, width] = shape;
  const plane = height * width;
  const bytes = new Uint8Array(plane * channels);
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < plane; i++) {
      const share = Math.min(1, Math.max(0, f32(data[c * plane + i] / 2 + 0.5)));
      bytes[i * channels + c] = roundHalfEven(f32(share * 255));
    }
  return { width, height, data: bytes };
}

/** Averages squares of `factor` × `factor` of each plane of [c h w]; what is left over at the edges is dropped. */
export function pool(
  planes: Float32Array,
  height: number,
  width: number,
  factor: number,
): { readonly data: Float32Array; readonly height: number; readonly width: number } {
  const [rows, columns] = [Math.floor(height / factor), Math.floor(width / factor)];
  const channels = planes.length / (height * width);
  const data = new Float32Array(channels * rows * columns);
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < rows * factor; y++)
      for (let x = 0; x < columns * factor; x++) {
        const to = (c * rows + Math.floor(y / factor)) * columns + Math.floor(x / factor);
        data[to] += planes[(c * height + y) * width + x] / factor ** 2;
      }
  return { data, height: rows, width: columns };
}
