import { type CallOptions, EmuError, type HostTensor, tensor } from '@emu-ts/base';
import type { CausalTransformer, RgbImage, VisualEncoder } from '@emu-ts/contracts';
import { decodeImage, openVideo, preprocess } from '@emu-ts/media';
import { frameIndices } from '@emu-ts/sequence';
import { type EmuItem, type ImageSource, isRgbImage } from './items.js';

/** Decodes a picture unless it is one already. */
export const toImage = async (source: ImageSource, { signal }: CallOptions = {}): Promise<RgbImage> =>
  isRgbImage(source) ? source : decodeImage(source, { signal });

/** The frames of a video item, chosen as the paper does: the middles of equal segments. */
export async function toFrames(
  { video, frames = 8 }: Extract<EmuItem, { video: unknown }>,
  options: CallOptions = {},
): Promise<RgbImage[]> {
  if (Array.isArray(video)) {
    if (!video.length) throw new EmuError('EMPTY', 'A video without frames was given, wanted at least one.');
    const chosen = frameIndices(video.length, frames).map((i) => video[i] as ImageSource);
    return Promise.all(chosen.map((frame) => toImage(frame, options)));
  }
  const opened = await openVideo(video as Exclude<typeof video, readonly ImageSource[]>, options);
  try {
    return await opened.frames(frameIndices(opened.frameCount, frames), options);
  } finally {
    await opened.close();
  }
}

/** How the reference rounds while it normalises: `pil` where text is generated, `torchvision` where pictures are. */
export type Arithmetic = 'pil' | 'torchvision';

/**
 * Pictures to image embeddings, through the visual encoder and the causal transformer. Neither depends on the text
 * around a picture, so what was seen before is remembered: a dialogue encodes its pictures once.
 */
export class Vision {
  readonly #seen = new Map<string, Float32Array>();

  constructor(
    readonly encoder: VisualEncoder,
    readonly causal: CausalTransformer,
    /** Pictures remembered. */
    readonly memory = 64,
  ) {}

  /** `[n · queries, width]` embeddings of n pictures, in order. */
  async embed(
    images: readonly RgbImage[],
    arithmetic: Arithmetic,
    options: CallOptions = {},
  ): Promise<HostTensor<'f32'>> {
    const { queries, outputWidth } = this.causal;
    const out = tensor('f32', [images.length * queries, outputWidth]);
    for (const [i, image] of images.entries()) {
      options.signal?.throwIfAborted();
      options.onProgress?.({ phase: 'encode', component: 'visual-encoder', loaded: i, total: images.length });
      out.data.set(await this.#embedOne(image, arithmetic, options), i * queries * outputWidth);
    }
    return out;
  }

  async #embedOne(image: RgbImage, arithmetic: Arithmetic, { signal }: CallOptions): Promise<Float32Array> {
    const size = this.encoder.imageSize;
    const pixels = preprocess(image, { size, arithmetic });
    const key = await digest(pixels.data);
    const known = this.#seen.get(key);
    if (known) {
      this.#seen.delete(key);
      this.#seen.set(key, known);
      return known;
    }
    using features = await this.encoder.encode({ ...pixels, shape: [1, 3, size, size] }, { signal });
    using embeddings = await this.causal.embed(features, { signal });
    const data = (await embeddings.read({ signal })).data as Float32Array;
    this.#seen.set(key, data);
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= this.memory) break;
      this.#seen.delete(oldest);
    }
    return data;
  }
}

async function digest(data: Float32Array): Promise<string> {
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
