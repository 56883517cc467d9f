import type { GpuTexture } from '../gpu.js';

/** Where elements lie: in host memory, or in a texture. */
export type Storage = Float32Array | GpuTexture;

/** Elements that several tensors and programs may share. They never change; the last owner's `release` frees them. */
export class Buffer {
  readonly storage: Storage;
  readonly bytes: number;
  readonly #onFree: (buffer: Buffer) => void;
  #owners = 1;

  constructor(storage: Storage, elements: number, onFree: (buffer: Buffer) => void) {
    this.storage = storage;
    this.bytes = 4 * elements;
    this.#onFree = onFree;
  }

  /** Takes part in the ownership. */
  retain(): this {
    this.#owners++;
    return this;
  }

  release(): void {
    if (--this.#owners === 0) this.free();
  }

  /** Frees the elements whoever owns them: the executor is gone. */
  free(): void {
    this.#owners = 0;
    if (!(this.storage instanceof Float32Array)) this.storage.delete();
    this.#onFree(this);
  }
}
