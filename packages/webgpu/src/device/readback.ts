import type { CallOptions } from '@emu-ts/base';
import { resting } from './resting.js';

const MAP_READ = 0x1;
const COPY_DST = 0x8;
const READ = 1;

/**
 * Staging buffers for reading back. They are kept for the next read of about their size, so that reading a token's worth
 * of bytes over and over allocates nothing.
 */
export class Readback {
  readonly #device: GPUDevice;
  readonly #free: GPUBuffer[] = [];
  readonly #kept = 8;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Copies bytes to host memory, after everything submitted so far. */
  async read(
    buffer: GPUBuffer,
    bytes: number,
    { signal }: CallOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const staging = this.#take(bytes);
    try {
      const encoder = this.#device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, bytes);
      this.#device.queue.submit([encoder.finish()]);
      await resting(this.#device, staging.mapAsync(READ, 0, bytes));
      const copy = new Uint8Array(bytes);
      copy.set(new Uint8Array(staging.getMappedRange(0, bytes)));
      staging.unmap();
      this.#give(staging);
      signal?.throwIfAborted();
      return copy;
    } catch (error) {
      if (!this.#free.includes(staging)) staging.destroy();
      throw error;
    }
  }

  dispose(): void {
    for (const buffer of this.#free) buffer.destroy();
    this.#free.length = 0;
  }

  #take(bytes: number): GPUBuffer {
    const size = 2 ** Math.ceil(Math.log2(Math.max(bytes, 256)));
    const at = this.#free.findIndex((buffer) => buffer.size === size);
    if (at >= 0) return this.#free.splice(at, 1)[0];
    return this.#device.createBuffer({ size, usage: MAP_READ | COPY_DST, label: 'readback' });
  }

  #give(buffer: GPUBuffer): void {
    this.#free.push(buffer);
    if (this.#free.length > this.#kept) this.#free.shift()?.destroy();
  }
}
