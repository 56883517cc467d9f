import { DeviceLimitError, guarded } from './errors.js';

/** A buffer with an identity that bind groups can be cached by. */
export interface Block {
  readonly id: number;
  readonly buffer: GPUBuffer;
  readonly bytes: number;
}

/** What lives on the device now. */
export interface MemoryUse {
  /** Bytes that tensors, programs and weights hold. */
  readonly used: number;
  /** Bytes kept for the next allocation of their size. */
  readonly pooled: number;
  /** Buffers, pooled ones among them. */
  readonly buffers: number;
  /** Most bytes that were held at once. */
  readonly peak: number;
}

// The WebGPU flag values, so that no global is needed where only a device is handed in.
const COPY_SRC = 0x4;
const COPY_DST = 0x8;
const UNIFORM = 0x40;
const STORAGE = 0x80;
export const usage = STORAGE | UNIFORM | COPY_SRC | COPY_DST;

/**
 * All storage buffers of an executor. Freed buffers are kept for the next tensor of their size, so a loop that makes and
 * drops the same tensors allocates nothing after its first turn; the least recently freed go first.
 */
export class Buffers {
  readonly #device: GPUDevice;
  readonly #poolLimit: number;
  readonly #free = new Map<number, Block[]>();
  readonly #order: Block[] = [];
  readonly #alive = new Set<Block>();
  #next = 1;
  #used = 0;
  #pooled = 0;
  #peak = 0;

  constructor(device: GPUDevice, poolLimit: number) {
    this.#device = device;
    this.#poolLimit = poolLimit;
  }

  /** A pooled block of exactly this size, if there is one. */
  reuse(bytes: number): Block | undefined {
    const block = this.#free.get(bytes)?.pop();
    if (!block) return undefined;
    this.#order.splice(this.#order.indexOf(block), 1);
    this.#pooled -= bytes;
    this.#hold(bytes);
    return block;
  }

  /** Throws `DeviceLimitError` or `OutOfMemoryError` naming `what`. */
  async allocate(bytes: number, what: string): Promise<Block> {
    const pooled = this.reuse(bytes);
    if (pooled) return pooled;
    for (const limit of ['maxStorageBufferBindingSize', 'maxBufferSize'] as const) {
      const available = Number(this.#device.limits[limit]);
      if (bytes > available) throw new DeviceLimitError(what, limit, bytes, available);
    }
    const create = () => this.#device.createBuffer({ size: bytes, usage, label: what });
    let buffer: GPUBuffer;
    try {
      buffer = await guarded(this.#device, what, create);
    } catch (error) {
      if (!this.#pooled) throw error;
      this.trim(0);
      buffer = await guarded(this.#device, what, create);
    }
    const block = { id: this.#next++, buffer, bytes };
    this.#alive.add(block);
    this.#hold(bytes);
    return block;
  }

  /** Keeps a block for reuse. */
  release(block: Block): void {
    if (!this.#alive.has(block)) return;
    this.#used -= block.bytes;
    this.#pooled += block.bytes;
    const list = this.#free.get(block.bytes) ?? [];
    list.push(block);
    this.#free.set(block.bytes, list);
    this.#order.push(block);
    this.trim(this.#poolLimit);
  }

  /** Gives pooled memory back until at most `bytes` are kept. */
  trim(bytes: number): void {
    while (this.#pooled > bytes && this.#order.length) {
      const block = this.#order.shift() as Block;
      const list = this.#free.get(block.bytes) as Block[];
      list.splice(list.indexOf(block), 1);
      this.#pooled -= block.bytes;
      this.#alive.delete(block);
      block.buffer.destroy();
    }
  }

  use(): MemoryUse {
    return { used: this.#used, pooled: this.#pooled, buffers: this.#alive.size, peak: this.#peak };
  }

  dispose(): void {
    for (const { buffer } of this.#alive) buffer.destroy();
    this.#alive.clear();
    this.#free.clear();
    this.#order.length = 0;
    this.#used = 0;
    this.#pooled = 0;
  }

  #hold(bytes: number): void {
    this.#used += bytes;
    this.#peak = Math.max(this.#peak, this.#used);
  }
}
