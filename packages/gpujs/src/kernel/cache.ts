import { sizeOf } from '@emu-ts/base';
import type { GpuKernel, OpenedGpu } from '../gpu.js';
import type { Storage } from './buffer.js';
import type { KernelCall } from './call.js';
import { LARGEST_INTEGER } from './elements.js';
import { helpersOf } from './helpers.js';

/** gpu.js stops every loop after so many steps, silently: no loop here is as long. */
const LOOP_LIMIT = 2 ** 30;

export interface CacheLimits {
  readonly kernels: number;
  /** Memory of WebAssembly kernels: each has its own, as large as its operands and its result. */
  readonly bytes: number;
}

interface Entry {
  readonly kernel: GpuKernel;
  readonly bytes: number;
}

/**
 * Compiled kernels by their text, constants and size, so that equal calls of all programs share one. The least recently
 * used go when there are too many.
 */
export class KernelCache {
  readonly #opened: OpenedGpu;
  readonly #limits: CacheLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #kinds = new Map<unknown, number>();
  #bytes = 0;

  constructor(opened: OpenedGpu, limits: CacheLimits = { kernels: 1024, bytes: 2 ** 29 }) {
    this.#opened = opened;
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * The kernel for a call on these operands. On the CPU a kernel's result may change its size from call to call, elsewhere
   * it is part of the code. Arrays and textures of one, two and three dimensions are different classes to gpu.js, which
   * cannot always exchange the kernel in the middle of a call: every combination has its own.
   */
  get({ source, constants = {}, threads }: KernelCall, operands: readonly Storage[]): GpuKernel {
    const resizes = this.#opened.mode === 'cpu';
    const kinds = operands.map((x) => this.#kindOf(x));
    const key = [source, JSON.stringify(constants), resizes ? threads.length : threads, kinds].join('\n');
    const known = this.#entries.get(key);
    const bytes =
      this.#opened.mode === 'wasm' ? 4 * operands.reduce((sum, x) => sum + lengthOf(x), sizeOf(threads)) : 0;
    if (known) this.#forget(key, known);
    else this.#makeRoom(bytes);
    const entry = known ?? { kernel: this.#compile(source, constants, threads), bytes };
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    if (resizes) entry.kernel.setOutput(threads);
    return entry.kernel;
  }

  #kindOf(storage: Storage): number {
    const kind = this.#kinds.get(storage.constructor) ?? this.#kinds.size;
    this.#kinds.set(storage.constructor, kind);
    return kind;
  }

  /** Destroys the kernels of an instance that goes on. */
  clear(): void {
    for (const [key, entry] of this.#entries) this.#evict(key, entry);
  }

  #compile(
    source: string,
    constants: Readonly<Record<string, number>>,
    threads: readonly number[],
  ): GpuKernel {
    const { gpu, mode } = this.#opened;
    const types = Object.entries(constants).map(([name, x]) => [name, whole(x) ? 'Integer' : 'Float']);
    return gpu.createKernel(source, {
      output: threads,
      dynamicOutput: mode === 'cpu',
      dynamicArguments: true,
      constants,
      constantTypes: Object.fromEntries(types),
      functions: helpersOf(source, mode),
      loopMaxIterations: LOOP_LIMIT,
      precision: 'single',
      ...(mode === 'webgl' ? { pipeline: true, immutable: true } : {}),
    });
  }

  #makeRoom(bytes: number): void {
    for (const [key, entry] of this.#entries) {
      if (this.size < this.#limits.kernels && this.#bytes + bytes <= this.#limits.bytes) return;
      this.#evict(key, entry);
    }
  }

  #forget(key: string, { bytes }: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= bytes;
  }

  /** gpu.js leaves some destroyed kernels in its list. */
  #evict(key: string, entry: Entry): void {
    this.#forget(key, entry);
    entry.kernel.destroy();
    const list = this.#opened.gpu.kernels;
    const at = list?.findIndex((other) => other === entry.kernel || other === entry.kernel.kernel) ?? -1;
    if (at >= 0) list?.splice(at, 1);
  }
}

const lengthOf = (x: Storage): number => (x instanceof Float32Array ? x.length : 0);

const whole = (x: number): boolean => Number.isInteger(x) && Math.abs(x) <= LARGEST_INTEGER;
