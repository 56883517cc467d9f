import { type CallOptions, EmuError, type HostTensor } from '@emu-ts/base';
import type { CompileOptions, Executor, Graph } from '@emu-ts/graph';
import { acquire, type DeviceOptions } from '../device/acquire.js';
import type { MemoryUse } from '../device/buffers.js';
import { type Capabilities, formatTiers } from '../device/capabilities.js';
import type { DeviceLostError } from '../device/errors.js';
import type { AnyKernel } from '../kernel/kernel.js';
import { formatPlan } from '../plan/format.js';
import { select } from '../plan/select.js';
import { primitiveKernels } from '../primitives/index.js';
import { compile } from './compile.js';
import { GpuProgram } from './program.js';
import { Session } from './session.js';
import { GpuTensor } from './tensor.js';

export interface WebGpuOptions extends DeviceOptions, CallOptions {
  /** Kernels for composite ops; the first that supports a node runs it. Primitives bring their own, tried last. */
  readonly kernels?: readonly AnyKernel[] | undefined;
  /** Bytes of freed memory kept for reuse. Default 256 MiB. */
  readonly poolBytes?: number | undefined;
}

/** The executor on WebGPU. */
export class WebGpuExecutor implements Executor {
  readonly name = 'webgpu';
  /** What the device can do, and why a tier was or was not taken. */
  readonly capabilities: Capabilities;
  /** Settles with the typed error when the device is lost. It never rejects. */
  readonly lost: Promise<DeviceLostError>;
  readonly #session: Session;
  readonly #kernels: readonly AnyKernel[];
  readonly #programs = new Set<GpuProgram>();
  #disposed = false;

  constructor(session: Session, kernels: readonly AnyKernel[] = []) {
    this.#session = session;
    this.#kernels = [...kernels, ...Object.values(primitiveKernels).flat()];
    this.capabilities = session.capabilities;
    this.lost = session.lost;
  }

  /** The device that everything runs on. */
  get device(): GPUDevice {
    return this.#session.device;
  }

  /** Copies a tensor to the device. The host copy may be dropped when the promise settles. */
  async upload(tensor: HostTensor, options: CallOptions = {}): Promise<GpuTensor> {
    this.#alive();
    const block = await this.#session.upload(tensor, `a tensor of shape [${tensor.shape}]`, options);
    return new GpuTensor(this.#session, tensor, block);
  }

  async compile(graph: Graph, options: CompileOptions = {}): Promise<GpuProgram> {
    this.#alive();
    const compiled = await compile(this.#session, graph, this.#kernels, options);
    const program = new GpuProgram(this.#session, compiled, (gone) => this.#programs.delete(gone));
    this.#programs.add(program);
    return program;
  }

  /** What would run by which kernel, and what would be decomposed and why: one line per op and way. */
  plan(graph: Graph): string {
    return formatPlan(select(graph, this.#kernels, this.capabilities).entries);
  }

  /** The adapter and its tiers, one line each. */
  report(): string {
    return formatTiers(this.capabilities);
  }

  /** Bytes and buffers that live now: steady numbers mean that nothing leaks. */
  memory(): MemoryUse {
    return this.#session.buffers.use();
  }

  /** Frees everything that was made here, and the device unless it was handed in. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await Promise.all([...this.#programs].map((program) => program.dispose()));
    this.#session.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #alive(): void {
    if (this.#disposed) throw new EmuError('DISPOSED', 'This executor has been disposed.');
  }
}

const defaultPool = 256 * 2 ** 20;

/**
 * Runs graphs on WebGPU: on a device, adapter or GPU that is handed in, on `navigator.gpu`, or in Node on the `webgpu`
 * package. Throws `NoAdapterError` where there is none.
 */
export async function webgpu(options: WebGpuOptions = {}): Promise<WebGpuExecutor> {
  const acquired = await acquire(options, options);
  return new WebGpuExecutor(new Session(acquired, options.poolBytes ?? defaultPool), options.kernels);
}
