import { type CallOptions, convert, type DType, type HostTensor } from '@emu-ts/base';
import { type AnyTensor, checkWeights, type TensorType } from '@emu-ts/graph';
import { hostType } from '../model/dtype.js';
import { feedOf } from './inputs.js';
import type { Handle, Runtime } from './runtime.js';
import { copied, OnnxTensor } from './tensor.js';

/**
 * The weights of one program. A device tensor is used where it lies, so that programs share it; a host tensor is
 * uploaded for this program alone and freed with it.
 */
export class Weights implements Disposable {
  readonly #runtime: Runtime;
  readonly #given: Readonly<Record<string, AnyTensor>>;
  readonly #placed = new Map<string, OnnxTensor>();

  constructor(
    runtime: Runtime,
    inputs: Readonly<Record<string, TensorType>>,
    given: Readonly<Record<string, AnyTensor>>,
  ) {
    checkWeights(inputs, given);
    this.#runtime = runtime;
    this.#given = given;
  }

  has(name: string): boolean {
    return name in this.#given;
  }

  async place(name: string, { signal }: CallOptions): Promise<Handle> {
    signal?.throwIfAborted();
    const placed = this.#placed.get(name);
    if (placed) return placed.handleOn(this.#runtime);
    const tensor = this.#given[name];
    const feed = feedOf(tensor, this.#runtime);
    if (typeof feed === 'number') return feed;
    const handle = await this.#runtime.upload(copied(tensor as HostTensor));
    this.#placed.set(name, new OnnxTensor(this.#runtime, tensor, handle));
    return handle;
  }

  /** The bytes of a weight in `dtype`: the tensor itself where it is held so. */
  async embed(name: string, dtype: DType, { signal }: CallOptions): Promise<Uint8Array | Handle> {
    signal?.throwIfAborted();
    const { shape, dtype: declared } = this.#given[name];
    const feed = feedOf(this.#given[name], this.#runtime);
    if (typeof feed !== 'number') return bytesOf(convert(feed, dtype));
    const from = hostType(declared);
    if (from === dtype) return feed;
    return bytesOf(convert({ dtype: from, shape, data: await this.#runtime.read(feed) }, dtype));
  }

  /** Frees what was uploaded here. */
  [Symbol.dispose](): void {
    for (const tensor of this.#placed.values()) tensor.dispose();
  }
}

const bytesOf = ({ data }: HostTensor): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
