import { type CallOptions, EmuError, type HostTensor } from '@emu-ts/base';
import type { Acquired } from '../device/acquire.js';
import { type Block, Buffers } from '../device/buffers.js';
import type { Capabilities } from '../device/capabilities.js';
import { DeviceLostError, typedError } from '../device/errors.js';
import { Pipelines } from '../device/pipelines.js';
import { Readback } from '../device/readback.js';
import { resting } from '../device/resting.js';
import { storedBytes } from '../kernel/storage.js';
import { partsOf } from '../plan/cut.js';
import { Slabs } from './slabs.js';
import { bytesOf, toDevice } from './tensor.js';

/** Written in pieces, so that WebGPU's own staging copy stays small beside a large weight. */
const chunk = 16 * 2 ** 20;
const inFlight = 4 * chunk;

/**
 * Everything that lives and dies with one device: buffers, pipelines, staging memory, and the first thing that went
 * wrong. Losing a device ends its session; a new one takes over.
 */
export class Session {
  readonly device: GPUDevice;
  readonly capabilities: Capabilities;
  readonly buffers: Buffers;
  readonly pipelines: Pipelines;
  readonly slabs: Slabs;
  /** Settles when the device is lost by anyone but this executor. */
  readonly lost: Promise<DeviceLostError>;
  readonly #owned: boolean;
  readonly #readback: Readback;
  #failure: EmuError | undefined;
  #disposed = false;
  #pendingBytes = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor({ device, owned, capabilities }: Acquired, poolBytes: number) {
    this.device = device;
    this.capabilities = capabilities;
    this.#owned = owned;
    this.buffers = new Buffers(device, poolBytes);
    this.pipelines = new Pipelines(device);
    this.slabs = new Slabs(this.buffers);
    this.#readback = new Readback(device);
    this.lost = new Promise((resolve) => {
      device.lost.then(({ reason, message }) => {
        if (this.#disposed) return;
        const error = new DeviceLostError(reason, message);
        this.#failure = error;
        resolve(error);
      });
    });
    device.addEventListener('uncapturederror', this.#onError);
  }

  readonly #onError = (event: Event): void => {
    event.preventDefault();
    this.#failure ??= typedError('a call', (event as GPUUncapturedErrorEvent).error);
  };

  get isLost(): boolean {
    return this.#failure instanceof DeviceLostError;
  }

  /** Throws what went wrong earlier: a lost device stays lost, any other error is reported once. */
  check(): void {
    const failure = this.#failure;
    if (failure instanceof DeviceLostError) throw failure;
    if (this.#disposed) throw new EmuError('DISPOSED', 'This executor has been disposed.');
    this.#failure = undefined;
    if (failure) throw failure;
  }

  /** Runs one after the other what must not interleave: the encoding of programs that share slabs. */
  exclusive<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task, task);
    this.#last = result.catch(() => {});
    return result;
  }

  /** Bytes that one buffer, bound as a whole, may have. */
  get largest(): number {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.device.limits;
    return Math.min(Number(maxStorageBufferBindingSize), Number(maxBufferSize));
  }

  /** Places a host tensor in memory of its own: one block, or one for each of its parts. */
  async upload(tensor: HostTensor, what: string, options: CallOptions = {}): Promise<Block[]> {
    this.check();
    const bytes = toDevice(tensor);
    const parts = partsOf(tensor, this.largest) ?? [{ from: 0, type: tensor }];
    const rowBytes = parts.length > 1 ? bytesOf(tensor) / tensor.shape[0] : 0;
    const blocks: Block[] = [];
    try {
      for (const { from, type } of parts) {
        const last = from + (type.shape[0] ?? 0) >= (tensor.shape[0] ?? 0);
        const end = last ? bytes.length : (from + type.shape[0]) * rowBytes;
        const block = await this.buffers.allocate(storedBytes(type), what);
        blocks.push(block);
        await this.#write(block, bytes.subarray(from * rowBytes, end), options);
      }
      this.check();
      return blocks;
    } catch (error) {
      for (const block of blocks) this.buffers.release(block);
      throw error;
    }
  }

  async #write(block: Block, bytes: Uint8Array<ArrayBuffer>, { signal }: CallOptions): Promise<void> {
    for (let at = 0; at < bytes.length; at += chunk) {
      signal?.throwIfAborted();
      const length = Math.min(chunk, bytes.length - at);
      this.device.queue.writeBuffer(block.buffer, at, bytes, at, length);
      this.#pendingBytes += length;
      if (this.#pendingBytes < inFlight) continue;
      this.#pendingBytes = 0;
      await this.settled();
    }
  }

  async read(buffer: GPUBuffer, bytes: number, options: CallOptions): Promise<Uint8Array<ArrayBuffer>> {
    const data = await this.#orFailure(this.#readback.read(buffer, bytes, options));
    this.check();
    return data;
  }

  /** Waits until the GPU has done what was submitted. */
  async settled(): Promise<void> {
    await this.#orFailure(resting(this.device, this.device.queue.onSubmittedWorkDone()));
  }

  /** A device that is gone rejects in its own words: the typed reason arrives a turn later. */
  async #orFailure<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (this.#failure) throw this.#failure;
      throw error;
    }
  }

  /** Frees everything. A device that was handed in is left as it was. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.device.removeEventListener('uncapturederror', this.#onError);
    this.slabs.dispose();
    this.#readback.dispose();
    this.buffers.dispose();
    if (this.#owned) this.device.destroy();
  }
}
