import { type CallOptions, type DType, EmuError, type HostTensor } from '@emu-ts/base';
import {
  type AnyTensor,
  type DeviceTensor,
  formatType,
  isDeviceTensor,
  type TensorType,
} from '@emu-ts/graph';
import type { Buffer } from '../kernel/buffer.js';
import { fromElements } from '../kernel/elements.js';
import type { Runner } from '../kernel/runner.js';

/** A tensor whose elements a runner holds as f32. */
export class GpujsTensor implements DeviceTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly #runner: Runner;
  readonly #buffer: Buffer;
  /** What became of it; undefined while it can be used. */
  #gone: string | undefined;
  #lent = false;

  /** Takes over one share in the buffer. */
  constructor(runner: Runner, { dtype, shape }: TensorType, buffer: Buffer) {
    this.#runner = runner;
    this.dtype = dtype;
    this.shape = shape;
    this.#buffer = buffer;
  }

  isOn(runner: Runner): boolean {
    return runner === this.#runner;
  }

  /** The elements, for programs of the same executor. */
  bufferOn(runner: Runner): Buffer {
    if (!this.isOn(runner)) throw foreign(this);
    const gone = this.#gone ?? (this.#lent ? 'lent: it is being donated to a running program' : undefined);
    if (gone) throw new EmuError('DISPOSED', `This ${formatType(this)} tensor has been ${gone}.`);
    runner.alive();
    return this.#buffer;
  }

  /** Sets the tensor aside for a run that will consume it if it succeeds. */
  lend(): (consumed: boolean) => void {
    this.#lent = true;
    return (consumed) => {
      this.#lent = false;
      if (consumed) this.#free('donated to a program, which handed back another in its place');
    };
  }

  async read({ signal }: CallOptions = {}): Promise<HostTensor> {
    signal?.throwIfAborted();
    return fromElements(this, this.#runner.read(this.bufferOn(this.#runner)).slice());
  }

  dispose(): void {
    this.#free('disposed');
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #free(how: string): void {
    if (this.#gone) return;
    this.#gone = how;
    this.#buffer.release();
  }
}

const foreign = (tensor: TensorType): EmuError =>
  new EmuError('FOREIGN_TENSOR', `This ${formatType(tensor)} tensor lives on another executor.`, {
    hint: 'Read it there and upload it here.',
  });

/** The executor's own tensor, or undefined for one in host memory. */
export function ownTensor(tensor: AnyTensor): GpujsTensor | undefined {
  if (tensor instanceof GpujsTensor) return tensor;
  if (isDeviceTensor(tensor)) throw foreign(tensor);
  return undefined;
}
