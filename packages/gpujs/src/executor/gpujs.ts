import type { CallOptions, HostTensor } from '@emu-ts/base';
import type { CompileOptions, DeviceTensor, Executor, Graph } from '@emu-ts/graph';
import { type GpuInstance, type GpuModule, type Mode, openGpu } from '../gpu.js';
import type { JsKernel } from '../js-kernel.js';
import { checkDtypes, toElements } from '../kernel/elements.js';
import { type Holdings, Runner } from '../kernel/runner.js';
import { GpujsProgram } from './program.js';
import { GpujsTensor } from './tensor.js';

export interface GpujsOptions {
  /** The module gpu.js, or an instance of its `GPU`, which stays yours. Default: the module is imported. */
  readonly gpu?: GpuInstance | GpuModule | undefined;
  /** Default `auto`: `webgl` where the machine has it, otherwise `cpu`. */
  readonly mode?: Mode | 'auto' | undefined;
  /** Composite ops with a kernel of their own; the first that supports a node is taken. Default none. */
  readonly kernels?: readonly JsKernel[] | undefined;
}

/** The executor on gpu.js. */
export class GpujsExecutor implements Executor {
  readonly name = 'gpujs';
  readonly #runner: Runner;
  readonly #kernels: readonly JsKernel[];
  readonly #programs = new Set<GpujsProgram>();

  constructor(runner: Runner, kernels: readonly JsKernel[]) {
    this.#runner = runner;
    this.#kernels = kernels;
  }

  /** Where kernels run. */
  get mode(): Mode {
    return this.#runner.mode;
  }

  /** Takes a copy of the tensor. */
  async upload(tensor: HostTensor, { signal }: CallOptions = {}): Promise<GpujsTensor> {
    signal?.throwIfAborted();
    this.#runner.alive();
    checkDtypes([tensor]);
    return new GpujsTensor(this.#runner, tensor, this.#runner.upload(tensor, toElements(tensor).slice()));
  }

  async compile(graph: Graph, options: CompileOptions = {}): Promise<GpujsProgram> {
    options.signal?.throwIfAborted();
    this.#runner.alive();
    const program = new GpujsProgram(this.#runner, graph, { ...options, kernels: this.#kernels }, (gone) =>
      this.#programs.delete(gone),
    );
    this.#programs.add(program);
    return program;
  }

  holds(tensor: DeviceTensor): boolean {
    return tensor instanceof GpujsTensor && tensor.isOn(this.#runner);
  }

  /** Buffers, bytes and kernels that live now: a steady number means that nothing leaks. */
  holdings(): Holdings {
    return this.#runner.holdings;
  }

  /** Frees everything that was made here. Tensors and programs cannot be used afterwards. */
  async dispose(): Promise<void> {
    await Promise.all([...this.#programs].map((program) => program.dispose()));
    await this.#runner.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/**
 * Runs graphs on gpu.js, an optional peer dependency.
 *
 * Errors: `GPUJS_MISSING`, `UNSUPPORTED_MODE`.
 */
export async function gpujs({ gpu, mode = 'auto', kernels = [] }: GpujsOptions = {}): Promise<GpujsExecutor> {
  return new GpujsExecutor(new Runner(await openGpu(gpu, mode)), kernels);
}
