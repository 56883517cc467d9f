import { EmuError, sizeOf } from '@emu-ts/base';
import type { Value } from '@emu-ts/graph';
import type { GpuKernel, OpenedGpu } from '../gpu.js';
import { Buffer, type Storage } from './buffer.js';
import type { KernelCall } from './call.js';
import { LARGEST_INTEGER } from './elements.js';
import { helpersOf } from './helpers.js';

/** What a runner holds now. */
export interface Holdings {
  readonly buffers: number;
  /** Bytes of the buffers. */
  readonly bytes: number;
  readonly kernels: number;
}

/** More compiled kernels than this are not kept. Each WebAssembly kernel has a memory as large as its operands. */
const KERNEL_LIMIT = 1024;

/** gpu.js stops every loop after so many steps, silently: no loop here is as long. */
const LOOP_LIMIT = 2 ** 30;

/** Compiles kernels on first use, keeps them by their text, and runs them on buffers. */
export class Runner {
  readonly #opened: OpenedGpu;
  readonly #kernels = new Map<string, GpuKernel>();
  readonly #buffers = new Set<Buffer>();
  #disposed = false;

  constructor(opened: OpenedGpu) {
    this.#opened = opened;
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

  /** A buffer on elements that nobody will change. */
  place(elements: Float32Array): Buffer {
    return this.#keep(elements, elements.length);
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
    this.#checkSize(name, count);
    const looked = call.host?.operands.map((operand) => this.read(buffers(operand))) ?? [];
    const extra = call.host?.prepare(...looked) ?? [];
    const operands: Storage[] = [...call.operands.map((x) => buffers(x).storage), ...extra];
    try {
      const result = this.#compiled(call)(...operands.map(nonempty));
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
    for (const { storage } of this.#buffers) if (isTexture(storage)) storage.delete();
    this.#buffers.clear();
    if (this.#opened.owned) await this.#opened.gpu.destroy();
    else for (const kernel of this.#kernels.values()) this.#destroy(kernel);
    this.#kernels.clear();
  }

  /** On the CPU a kernel's output may change its size from call to call, elsewhere it is part of the code. */
  #compiled({ source, constants = {}, threads }: KernelCall): GpuKernel {
    const resizes = this.mode === 'cpu';
    const key = `${source}\n${JSON.stringify(constants)}\n${resizes ? threads.length : threads}`;
    let kernel = this.#kernels.get(key);
    this.#kernels.delete(key);
    if (!kernel) {
      const types = Object.entries(constants).map(([name, x]) => [name, whole(x) ? 'Integer' : 'Float']);
      kernel = this.#opened.gpu.createKernel(source, {
        output: threads,
        dynamicOutput: resizes,
        dynamicArguments: true,
        constants,
        constantTypes: Object.fromEntries(types),
        functions: helpersOf(source, this.mode),
        loopMaxIterations: LOOP_LIMIT,
        precision: 'single',
        ...(this.mode === 'webgl' ? { pipeline: true, immutable: true } : {}),
      });
      const [oldest] = this.#kernels;
      if (oldest && this.#kernels.size >= KERNEL_LIMIT) {
        this.#kernels.delete(oldest[0]);
        this.#destroy(oldest[1]);
      }
    }
    this.#kernels.set(key, kernel);
    if (resizes) kernel.setOutput(threads);
    return kernel;
  }

  /** gpu.js leaves some destroyed kernels in its list. */
  #destroy(kernel: GpuKernel): void {
    kernel.destroy();
    const list = this.#opened.gpu.kernels;
    const at = list?.findIndex((other) => other === kernel || other === kernel.kernel) ?? -1;
    if (at >= 0) list?.splice(at, 1);
  }

  /** Outside plain JavaScript positions are computed in f32. */
  #checkSize(name: string, count: number): void {
    if (this.mode === 'cpu' || count <= LARGEST_INTEGER) return;
    throw new EmuError(
      'TENSOR_SIZE',
      `${name} has ${count} elements; in mode '${this.mode}' positions are exact up to ${LARGEST_INTEGER}.`,
      { hint: "Use mode 'cpu'." },
    );
  }

  #keep(storage: Storage, elements: number): Buffer {
    const buffer = new Buffer(storage, elements, (freed) => this.#buffers.delete(freed));
    this.#buffers.add(buffer);
    return buffer;
  }
}

const whole = (x: number): boolean => Number.isInteger(x) && Math.abs(x) <= LARGEST_INTEGER;

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
