import { type HostTensor, random, tensor } from '@emu-ts/base';
import { Draws, drawRandomScene, drawScene, world } from '@emu-ts/data';
import { preprocessBatch, type RgbImage } from '@emu-ts/media';

/** Pictures in the autoencoder's range, −1 … 1. */
export const decoderPixels = (images: readonly RgbImage[], size: number): Promise<HostTensor> =>
  preprocessBatch(images, { size, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });

export interface AutoencoderData {
  readonly seed: number;
  readonly split: 'train' | 'test';
  readonly batch: number;
  readonly imageSize: number;
  /** [c h w] */
  readonly latents: readonly [number, number, number];
}

/** Batch number `index` for the autoencoder. */
export async function autoencoderBatch(
  options: AutoencoderData,
  index: number,
): Promise<Record<string, HostTensor>> {
  const { seed, split, batch, imageSize, latents } = options;
  const w = world({ split });
  const images = Array.from({ length: batch }, (_, i) =>
    drawScene(drawRandomScene(new Draws(seed, index * batch + i, purpose), w), imageSize),
  );
  const shape = [batch, ...latents];
  const size = shape.reduce((product, n) => product * n, 1);
  return {
    images: await decoderPixels(images, imageSize),
    noise: tensor(
      'f32',
      shape,
      random(seed, purpose)
        .normal(size, index * size)
        .slice(),
    ),
  };
}

const purpose = 0x766165;
