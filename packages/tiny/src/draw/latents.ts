import { type CallOptions, type HostTensor, tensor } from '@emu-ts/base';
import { Draws, drawRandomScene, drawScene, world } from '@emu-ts/data';
import { vaeEncode, vaeParams } from '@emu-ts/diffusion-decoder';
import { type Executor, graphOf, input } from '@emu-ts/graph';
import type { RgbImage } from '@emu-ts/media';
import { paramInputs, type TensorSource } from '@emu-ts/params';
import { vision } from '../model/config.js';
import { vaeConfig } from './autoencode-stage.js';
import { decoderPixels } from './data.js';

export interface LatentOptions extends CallOptions {
  readonly executor: Executor;
  /** Of the autoencoder. */
  readonly weights: TensorSource;
}

const batch = 32;

/** The means of the posteriors of pictures: f32 [n c h w], not scaled. */
export async function latentsOf(
  images: readonly RgbImage[],
  options: LatentOptions,
): Promise<HostTensor<'f32'>> {
  const { executor, weights, signal, onProgress } = options;
  const params = vaeParams(vaeConfig);
  const side = vision.imageSize;
  const pixels = input('pixels', { dtype: 'f32', shape: [batch, 3, side, side] });
  const graph = graphOf({ mean: vaeEncode(paramInputs(params), pixels, vaeConfig).mean });
  const placed = new Map<string, HostTensor>();
  for (const name of Object.keys(graph.inputs))
    if (name !== 'pixels') placed.set(name, await weights.read(name, { signal }));
  await using program = await executor.compile(graph);
  let out: HostTensor<'f32'> | undefined;
  for (let from = 0; from < images.length; from += batch) {
    signal?.throwIfAborted();
    const some = images.slice(from, from + batch);
    const padded = [...some, ...new Array<RgbImage>(batch - some.length).fill(some[0])];
    const { mean } = await program.run({
      ...Object.fromEntries(placed),
      pixels: await decoderPixels(padded, side),
    });
    using held = mean;
    const { shape, data } = await held.read({ signal });
    out ??= tensor('f32', [images.length, ...shape.slice(1)]);
    const size = data.length / batch;
    out.data.set((data as Float32Array).subarray(0, some.length * size), from * size);
    onProgress?.({ phase: 'latents', loaded: from + some.length, total: images.length });
  }
  return out ?? tensor('f32', [0]);
}

/** What latents are multiplied by so that their variance is about 1, measured on pictures of the world. */
export async function scaleOf(options: LatentOptions): Promise<number> {
  const w = world({ split: 'train' });
  const images = Array.from({ length: 512 }, (_, i) =>
    drawScene(drawRandomScene(new Draws(0, i), w), vision.imageSize),
  );
  return scalingFactor(await latentsOf(images, options));
}

function scalingFactor({ data }: HostTensor<'f32'>): number {
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
  const variance = data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length;
  return Number((1 / Math.sqrt(variance)).toPrecision(4));
}
