import { EmuError, isFloat, sizeOf } from '@emu-ts/base';
import { formatType, type TensorType, type Value } from '@emu-ts/graph';
import type { OpenedGpu } from '../gpu.js';
import { Buffer, type Storage } from './buffer.js';
import { KernelCache } from './cache.js';
import type { KernelCall } from './call.js';
import { LARGEST_INTEGER } from './elements.js';

/** What a runner holds now. */
export interface Holdings {
  readonly buffers: number;
  /** Bytes of the buffers. */
  readonly bytes: number;
  readonly kernels: number;
}

/** Holds buffers and runs kernels on them. */
export class Runner {
  readonly #opened: OpenedGpu;
  readonly #kernels: KernelCache;
  readonly #buffers = new Set<Buffer>();
  #disposed = false;

  constructor(opened: OpenedGpu) {
    this.#opened = opened;
    this.#kernels = new KernelCache(opened);
  }

  get mode(): OpenedGpu['mode'] {
    return this.#opened.mode;
  }

  get holdings(): Holdings {
    const bytes = [...this.#buffers].reduce((total, buffer) => total + buffer.bytes, 0);
    return { buffers: this.#buffers.size, bytes, kernels: this.#kernels.size };
  }

  alive(): void {
    if (this.#disposed) throw new EmuError('DISPOSED', 'This executor has been disposed.');
  }

  /** A buffer in host memory, on elements that nobody will change. */
  place(elements: Float32Array): Buffer {
    return this.#keep(elements, elements.length);
  }

  /**
   * A buffer where kernels read it fastest. With WebGL that is a texture, but for whole numbers: they are few, and the
   * host looks at them. Elsewhere it is the array itself, which nobody may change.
   */
  upload(type: TensorType, elements: Float32Array): Buffer {
    if (this.mode !== 'webgl' || !isFloat(type.dtype) || !elements.length) return this.place(elements);
    const source = 'function (x) { return x[this.thread.x]; }';
    const host = { operands: [], prepare: () => [elements] };
    const call = { source, threads: [elements.length], operands: [], host };
    return this.run(`The upload of ${formatType(type)}`, call, () => this.place(elements));
  }

  /** The elements in host memory; not a copy where they lie there. */
  read({ storage }: Buffer): Float32Array {
    return storage instanceof Float32Array ? storage : flatten(storage.toArray());
  }

  /** @param name what is being computed, for errors */
  run(name: string, call: KernelCall, buffers: (operand: Value) => Buffer): Buffer {
    this.alive();
    const count = sizeOf(call.threads);
    if (count === 0) return this.place(new Float32Array(0));
    const given = call.operands.map(buffers);
    this.#checkSize(name, Math.max(count, ...given.map(({ bytes }) => bytes / 4)));
    const looked = call.host?.operands.map((operand) => this.read(buffers(operand))) ?? [];
    const extra = call.host?.prepare(...looked) ?? [];
    try {
      const operands = [...given.map(({ storage }) => storage), ...extra].map(nonempty);
      const result = this.#kernels.get(call, operands)(...operands);
      if (isTexture(result)) return this.#keep(result, count);
      return this.#keep(flatten(result as Nested), count);
    } catch (cause) {
      throw new EmuError(
        'KERNEL',
        `gpu.js could not run ${name} in mode '${this.mode}': ${cause instanceof Error ? cause.message : cause}`,
        { cause },
      );
    }
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const buffer of this.#buffers) buffer.free();
    if (this.#opened.owned) await this.#opened.gpu.destroy();
    else this.#kernels.clear();
  }

  /** Outside plain JavaScript positions are computed in f32. */
  #checkSize(name: string, count: number): void {
    if (this.mode === 'cpu' || count <= LARGEST_INTEGER) return;
    throw new EmuError(
      'TENSOR_SIZE',
      `${name} reads or writes a tensor of ${count} elements; in mode '${this.mode}' positions are exact up to ${LARGEST_INTEGER}.`,
      { hint: "Use mode 'cpu'." },
    );
  }

  #keep(storage: Storage, elements: number): Buffer {
    const buffer = new Buffer(storage, elements, (freed) => this.#buffers.delete(freed));
    this.#buffers.add(buffer);
    return buffer;
  }
}

/** gpu.js takes no empty arrays; no kernel reads an element of one. */
const nonempty = (storage: Storage): Storage =>
  storage instanceof Float32Array && !storage.length ? new Float32Array(1) : storage;

const isTexture = (x: unknown): x is Exclude<Storage, Float32Array> =>
  typeof x === 'object' && x !== null && 'toArray' in x;

type Nested = Float32Array | readonly unknown[];

/** Rows, or rows of rows, as one array. */
function flatten(nested: Nested): Float32Array {
  if (nested instanceof Float32Array) return nested;
  const rows = nested.flat() as Float32Array[];
  const out = new Float32Array(rows.length * rows[0].length);
  rows.forEach((row, i) => {
    out.set(row, i * row.length);
  });
  return out;
}
