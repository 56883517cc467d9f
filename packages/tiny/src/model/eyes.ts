import { type CallOptions, type HostTensor, tensor } from '@emu-ts/base';
import { causalTransformer } from '@emu-ts/causal-transformer';
import type { Executor } from '@emu-ts/graph';
import { preprocessBatch, type RgbImage } from '@emu-ts/media';
import type { TensorSource } from '@emu-ts/params';
import { visualEncoder } from '@emu-ts/visual-encoder';
import { connector, queries, vision } from './config.js';
import type { smallEmu } from './model.js';

/** Pictures that are seen together: one program serves any number of them. */
const batch = 64;

/** Encoder and causal transformer at work. */
export interface Eyes extends AsyncDisposable {
  /** @returns f32 [pictures queries width] */
  see(pictures: readonly RgbImage[], options?: CallOptions): Promise<HostTensor<'f32'>>;
}

export interface EyesOptions extends CallOptions {
  readonly executor: Executor;
  /** Weights of both. */
  readonly source: TensorSource;
}

/** @param parts models of both, as `smallEmu` gives them */
export async function openEyes(
  parts: Pick<ReturnType<typeof smallEmu>, 'visualEncoder' | 'causalTransformer'>,
  options: EyesOptions,
): Promise<Eyes> {
  const encoder = await visualEncoder({ ...options, model: parts.visualEncoder });
  const connected = await causalTransformer({ ...options, model: parts.causalTransformer });
  const size = queries * connector.outputWidth;
  return {
    async see(pictures, { signal } = {}) {
      const out = tensor('f32', [pictures.length, queries, connector.outputWidth]);
      for (let from = 0; from < pictures.length; from += batch) {
        const some = pictures.slice(from, from + batch);
        const padding = new Array<RgbImage>(batch - some.length).fill(some[0]);
        const pixels = await preprocessBatch([...some, ...padding], { size: vision.imageSize });
        using features = await encoder.encode(pixels, { signal });
        using embedded = await connected.embed(features, { signal });
        const { data } = await embedded.read({ signal });
        out.data.set((data as Float32Array).subarray(0, some.length * size), from * size);
      }
      return out;
    },
    async [Symbol.asyncDispose]() {
      await connected[Symbol.asyncDispose]();
      await encoder[Symbol.asyncDispose]();
    },
  };
}
