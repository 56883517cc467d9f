import { type CallOptions, convert, type DType, EmuError, type HostTensor } from '@emu-ts/base';
import { type DeviceTensor, formatType, type TensorType } from '@emu-ts/graph';
import { hostType } from '../model/dtype.js';
import type { Handle, Runtime } from './runtime.js';

/** A tensor that ONNX Runtime reads where it lies. A bf16 tensor is held as f32. */
export class OnnxTensor implements DeviceTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly #runtime: Runtime;
  #handle: Handle | undefined;
  #gone = 'disposed';
  #lent = false;
  #unwanted = false;

  constructor(runtime: Runtime, { dtype, shape }: TensorType, handle: Handle) {
    this.#runtime = runtime;
    this.dtype = dtype;
    this.shape = shape;
    this.#handle = handle;
  }

  isOn(runtime: Runtime): boolean {
    return runtime === this.#runtime;
  }

  /** The handle, for programs of the same executor. */
  handleOn(runtime: Runtime): Handle {
    if (!this.isOn(runtime))
      throw new EmuError('FOREIGN_TENSOR', `This ${formatType(this)} tensor lives on another executor.`, {
        hint: 'Read it there and upload it here.',
      });
    if (this.#handle === undefined)
      throw new EmuError('DISPOSED', `This ${formatType(this)} tensor has been ${this.#gone}.`);
    if (this.#lent)
      throw new EmuError(
        'DISPOSED',
        `This ${formatType(this)} tensor is being donated to a running program.`,
      );
    return this.#handle;
  }

  /** Sets the tensor aside for a run that will consume it: nobody else may use it until then. */
  lend(): { consume(): void; giveBack(): void } {
    this.#lent = true;
    return {
      consume: () => {
        this.#lent = false;
        this.#handle = undefined;
        this.#gone = 'donated to a program, which handed back another in its place';
      },
      giveBack: () => {
        this.#lent = false;
        if (this.#unwanted) this.dispose();
      },
    };
  }

  async read({ signal }: CallOptions = {}): Promise<HostTensor> {
    signal?.throwIfAborted();
    const data = await this.#runtime.read(this.handleOn(this.#runtime));
    signal?.throwIfAborted();
    return convert({ dtype: hostType(this.dtype), shape: this.shape, data }, this.dtype);
  }

  dispose(): void {
    this.#unwanted = true;
    if (this.#lent) return;
    if (this.#handle !== undefined) this.#runtime.release([this.#handle]);
    this.#handle = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A host tensor in the dtype in which it is held. */
export const held = (tensor: HostTensor): HostTensor => convert(tensor, hostType(tensor.dtype));

/** The same in an array that nobody else has. */
export function copied(tensor: HostTensor): HostTensor {
  const { dtype, shape, data } = held(tensor);
  return { dtype, shape, data: data === tensor.data ? data.slice() : data };
}
