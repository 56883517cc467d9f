import { type CallOptions, EmuError, type HostTensor, tensor } from '@emu-ts/base';
import type { CausalTransformer, RgbImage, VisualEncoder } from '@emu-ts/contracts';
import type { Look } from '@emu-ts/diffusion-decoder';
import { type AnyTensor, isDeviceTensor } from '@emu-ts/graph';
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

/** Embeddings of pictures, which stay where they are until this is disposed. */
export interface Seen extends Disposable {
  /** f32 `[1 queries width]` of every picture, in order. */
  readonly embeddings: readonly AnyTensor[];
}

export interface VisionOptions {
  /** Pictures remembered. Default 64. */
  readonly memory?: number | undefined;
  /** Leaves embeddings where they are computed: the language model reads them there. Default: in host memory. */
  readonly inPlace?: boolean | undefined;
}

/**
 * Pictures to image embeddings, through the visual encoder and the causal transformer. Neither depends on the text
 * around a picture, so what was seen before is remembered: a dialogue encodes its pictures once.
 */
export class Vision implements Disposable {
  readonly #memories = new Map<string, Memory>();
  readonly #limit: number;
  readonly #inPlace: boolean;

  constructor(
    readonly encoder: VisualEncoder,
    readonly causal: CausalTransformer,
    { memory = 64, inPlace = false }: VisionOptions = {},
  ) {
    this.#limit = memory;
    this.#inPlace = inPlace;
  }

  /** Looks at pictures, one after the other. */
  async see(images: readonly RgbImage[], arithmetic: Arithmetic, options: CallOptions = {}): Promise<Seen> {
    const used: Memory[] = [];
    const dispose = () => {
      for (const memory of used.splice(0)) memory.leave();
    };
    try {
      for (const [i, image] of images.entries()) {
        options.signal?.throwIfAborted();
        options.onProgress?.({
          phase: 'encode',
          component: 'visual-encoder',
          loaded: i,
          total: images.length,
        });
        used.push(await this.#look(image, arithmetic, options));
      }
      return { embeddings: used.map(({ embeddings }) => embeddings), [Symbol.dispose]: dispose };
    } catch (error) {
      dispose();
      throw error;
    }
  }

  /** Forgets every picture. What is in use stays until it is not. */
  dispose(): void {
    for (const key of this.#memories.keys()) this.#forget(key);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #look(image: RgbImage, arithmetic: Arithmetic, options: CallOptions): Promise<Memory> {
    const size = this.encoder.imageSize;
    const pixels = preprocess(image, { size, arithmetic });
    const key = await digest(pixels.data);
    const known = this.#recall(key);
    if (known) return known;
    const fresh = await this.#encode({ ...pixels, shape: [1, 3, size, size] }, options);
    const meanwhile = this.#recall(key);
    if (meanwhile) {
      discard(fresh);
      return meanwhile;
    }
    const memory = new Memory(fresh);
    this.#memories.set(key, memory.enter());
    for (const oldest of this.#memories.keys()) {
      if (this.#memories.size <= this.#limit) break;
      this.#forget(oldest);
    }
    return memory;
  }

  async #encode(pixels: HostTensor, { signal }: CallOptions): Promise<AnyTensor> {
    using features = await this.encoder.encode(pixels, { signal });
    const embeddings = await this.causal.embed(features, { signal });
    if (this.#inPlace) return embeddings;
    using held = embeddings;
    return await held.read({ signal });
  }

  /** What is remembered under a key, in use from now on and the last to be forgotten; not what a device lost. */
  #recall(key: string): Memory | undefined {
    const known = this.#memories.get(key);
    if (!known) return undefined;
    if (known.isLost) {
      this.#forget(key);
      return undefined;
    }
    this.#memories.delete(key);
    this.#memories.set(key, known);
    return known.enter();
  }

  #forget(key: string): void {
    this.#memories.get(key)?.forget();
    this.#memories.delete(key);
  }
}

/** Embeddings of one picture: freed when they are forgotten and nobody uses them. */
class Memory {
  #users = 0;
  #forgotten = false;

  constructor(readonly embeddings: AnyTensor) {}

  get isLost(): boolean {
    return isDeviceTensor(this.embeddings) && this.embeddings.isLost === true;
  }

  enter(): this {
    this.#users++;
    return this;
  }

  leave(): void {
    this.#users--;
    this.#freeIdle();
  }

  forget(): void {
    this.#forgotten = true;
    this.#freeIdle();
  }

  #freeIdle(): void {
    if (this.#forgotten && !this.#users) discard(this.embeddings);
  }
}

/** What the model sees in pictures, in host memory and remembered by nobody. */
export const lookThrough =
  (encoder: VisualEncoder, causal: CausalTransformer): Look =>
  async (images, { signal }) => {
    const { imageSize: size } = encoder;
    const { queries, outputWidth } = causal;
    const out = tensor('f32', [images.length, queries, outputWidth]);
    for (const [i, image] of images.entries()) {
      const { data } = preprocess(image, { size, arithmetic: 'torchvision' });
      using features = await encoder.encode(tensor('f32', [1, 3, size, size], data), { signal });
      using embeddings = await causal.embed(features, { signal });
      out.data.set((await embeddings.read({ signal })).data as Float32Array, i * queries * outputWidth);
    }
    return out;
  };

/** Frees what an executor holds. */
export const discard = (t: AnyTensor): void => {
  if (isDeviceTensor(t)) t.dispose();
};

async function digest(data: Float32Array): Promise<string> {
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
