import { type CallOptions, EmuError, type HostTensor, sizeOf, viewAs } from '@emu-ts/base';
import { type DeviceTensor, formatType, type TensorType } from '@emu-ts/graph';
import type { Block } from '../device/buffers.js';
import { DeviceLimitError } from '../device/errors.js';
import { layoutOf, storedBytes } from '../kernel/storage.js';
import type { Session } from './session.js';

/** A tensor in GPU memory. */
export class GpuTensor implements DeviceTensor {
  readonly dtype: TensorType['dtype'];
  readonly shape: readonly number[];
  readonly #session: Session;
  #blocks: readonly Block[] | undefined;
  #gone = 'disposed';
  #lent = false;
  #unwanted = false;

  constructor(session: Session, { dtype, shape }: TensorType, blocks: readonly Block[] | undefined) {
    this.#session = session;
    this.dtype = dtype;
    this.shape = shape;
    this.#blocks = blocks;
  }

  /** Its device was lost, and its elements with it. */
  get isLost(): boolean {
    return this.#session.isLost;
  }

  isOn(session: Session): boolean {
    return session === this.#session;
  }

  /** The memory, for programs of the same device that bind it in one piece. */
  blockOn(session: Session): Block {
    const [block, ...others] = this.blocksOn(session);
    if (others.length)
      throw new DeviceLimitError(
        `This ${formatType(this)} tensor, in one piece,`,
        'maxStorageBufferBindingSize',
        storedBytes(this),
        session.largest,
      );
    return block;
  }

  /** The memory in parts, as `partsOf` cuts it. */
  blocksOn(session: Session): readonly Block[] {
    if (!this.isOn(session)) {
      this.#session.check();
      throw new EmuError(
        'FOREIGN_TENSOR',
        `This ${formatType(this)} tensor lives on another executor or device.`,
        {
          hint: 'Read it there and upload it here.',
        },
      );
    }
    session.check();
    if (!this.#blocks)
      throw new EmuError('DISPOSED', `This ${formatType(this)} tensor has been ${this.#gone}.`);
    if (this.#lent)
      throw new EmuError(
        'DISPOSED',
        `This ${formatType(this)} tensor is being donated to a running program.`,
      );
    return this.#blocks;
  }

  /** Sets the tensor aside for a run that will consume it. `consume` says whether its memory lives on in an output. */
  lend(): { consume(keepMemory: boolean): void; giveBack(): void } {
    this.#lent = true;
    return {
      consume: (keepMemory) => {
        this.#lent = false;
        if (!keepMemory) this.#release();
        this.#blocks = undefined;
        this.#gone = 'donated to a program, which handed back another in its place';
      },
      giveBack: () => {
        this.#lent = false;
        if (this.#unwanted) this.dispose();
      },
    };
  }

  /** Waits for everything submitted so far that this tensor depends on. */
  async read({ signal }: CallOptions = {}): Promise<HostTensor> {
    signal?.throwIfAborted();
    const blocks = this.blocksOn(this.#session);
    const bytes = hostBytes(this);
    const [first, ...others] = blocks;
    if (!others.length) return fromDevice(this, await this.#read(first, bytes, signal));
    const data = new Uint8Array(bytes);
    let at = 0;
    for (const block of blocks) {
      const part = await this.#read(block, Math.min(block.bytes, bytes - at), signal);
      data.set(part, at);
      at += part.length;
    }
    return fromDevice(this, data);
  }

  dispose(): void {
    this.#unwanted = true;
    if (this.#lent) return;
    this.#release();
    this.#blocks = undefined;
  }

  #release(): void {
    for (const block of this.#blocks ?? []) this.#session.buffers.release(block);
  }

  async #read(
    { buffer }: Block,
    bytes: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return bytes ? this.#session.read(buffer, bytes, { signal }) : new Uint8Array(0);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

const roundUp4 = (n: number) => Math.ceil(n / 4) * 4;

/** Bytes of the elements on the device. */
export function bytesOf(type: TensorType): number {
  const layout = layoutOf(type, false);
  const each = layout.endsWith('16') ? 2 : layout.endsWith('8') ? 1 : 4;
  return sizeOf(type.shape) * each;
}

/** Bytes to read back: whole words. */
const hostBytes = (type: TensorType): number => roundUp4(bytesOf(type));

/** A host tensor's elements as they lie on the device: bool as one word each, everything padded to whole words. */
export function toDevice(tensor: HostTensor): Uint8Array<ArrayBuffer> {
  layoutOf(tensor, false);
  const data = tensor.dtype === 'bool' ? Uint32Array.from(tensor.data as Uint8Array) : tensor.data;
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  if (bytes.length % 4 === 0) return bytes;
  const padded = new Uint8Array(roundUp4(bytes.length));
  padded.set(bytes);
  return padded;
}

function fromDevice({ dtype, shape }: TensorType, bytes: Uint8Array<ArrayBuffer>): HostTensor {
  const size = sizeOf(shape);
  if (dtype === 'bool')
    return { dtype, shape, data: Uint8Array.from(viewAs('u32', bytes).subarray(0, size)) };
  return { dtype, shape, data: viewAs(dtype, bytes).subarray(0, size) } as HostTensor;
}
