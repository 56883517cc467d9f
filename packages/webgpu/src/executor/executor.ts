import { type CallOptions, EmuError, type HostTensor } from '@emu-ts/base';
import {
  type AnyOp,
  type CompileOptions,
  type DeviceTensor,
  type Executor,
  type Graph,
  isDeviceTensor,
} from '@emu-ts/graph';
import { acquire, type DeviceOptions } from '../device/acquire.js';
import type { Block, MemoryUse } from '../device/buffers.js';
import { type Capabilities, formatTiers } from '../device/capabilities.js';
import type { DeviceLostError } from '../device/errors.js';
import type { AnyKernel } from '../kernel/kernel.js';
import { type Cost, costOf } from '../plan/cost.js';
import { cut } from '../plan/cut.js';
import { formatPlan } from '../plan/format.js';
import { layOut } from '../plan/layout.js';
import { select } from '../plan/select.js';
import { primitiveKernels } from '../primitives/index.js';
import { compile } from './compile.js';
import { GpuProgram } from './program.js';
import { Resident } from './resident.js';
import { Session } from './session.js';
import { GpuTensor } from './tensor.js';

export interface WebGpuOptions extends DeviceOptions, CallOptions {
  /** Kernels for composite ops; the first that supports a node runs it. Primitives bring their own, tried last. */
  readonly kernels?: readonly AnyKernel[] | undefined;
  /** Bytes of freed memory kept for reuse. Default 256 MiB. */
  readonly poolBytes?: number | undefined;
  /** Reads a weight again, by the name of the input it is for, after a lost device was replaced. */
  readonly restore?: ((name: string) => Promise<HostTensor>) | undefined;
}

/** The executor on WebGPU. */
export class WebGpuExecutor implements Executor {
  readonly name = 'webgpu';
  readonly #options: WebGpuOptions;
  readonly #kernels: readonly AnyKernel[];
  readonly #programs = new Set<GpuProgram>();
  readonly #restored = new Map<string, Promise<Block[]>>();
  #session: Session;
  #disposed = false;

  constructor(session: Session, options: WebGpuOptions) {
    this.#session = session;
    this.#options = options;
    this.#kernels = [...(options.kernels ?? []), ...Object.values(primitiveKernels).flat()];
  }

  /** What the device can do, and why a tier was or was not taken. */
  get capabilities(): Capabilities {
    return this.#session.capabilities;
  }

  /** Settles with the typed error when the present device is lost. It never rejects. */
  get lost(): Promise<DeviceLostError> {
    return this.#session.lost;
  }

  /** The device that everything runs on. */
  get device(): GPUDevice {
    return this.#session.device;
  }

  /** Copies a tensor to the device. The host copy may be dropped when the promise settles. */
  async upload(tensor: HostTensor, options: CallOptions = {}): Promise<GpuTensor> {
    this.#alive();
    const session = this.#session;
    const blocks = await session.upload(tensor, `a tensor of shape [${tensor.shape}]`, options);
    return new GpuTensor(session, tensor, blocks);
  }

  async compile(graph: Graph, options: CompileOptions = {}): Promise<GpuProgram> {
    this.#alive();
    const first = await this.#place(graph, options);
    // On another device weights are read again by name: their host copies are not held for that.
    const weights = Object.entries(options.weights ?? {}).map(([name, weight]) => {
      return [
        name,
        isDeviceTensor(weight) ? weight : new GpuTensor(first.session, weight, undefined),
      ] as const;
    });
    const again: CompileOptions = { donate: options.donate, weights: Object.fromEntries(weights) };
    const settle = async (resident: Resident) =>
      resident.session === this.#session ? resident : this.#place(graph, again);
    const program = new GpuProgram(first, settle, (gone) => this.#programs.delete(gone));
    this.#programs.add(program);
    return program;
  }

  /**
   * Replaces a lost device: programs move to the new one at their next run and read their weights again through
   * `restore`. Other tensors of the lost device are gone, and using one throws `DeviceLostError`: whoever holds a cache
   * fills it again. A device that was handed in needs a replacement. Does nothing while the device lives.
   */
  async recover(replacement: DeviceOptions & CallOptions = {}): Promise<void> {
    this.#alive();
    const old = this.#session;
    if (!old.isLost) return;
    const { device, adapter: _, ...rest } = this.#options;
    if (device && !(replacement.device ?? replacement.adapter ?? replacement.gpu))
      throw new EmuError('DEVICE', 'The lost device was handed in, so it cannot be made again here.', {
        hint: 'Give recover() another: { device }.',
      });
    const acquired = await acquire({ ...rest, ...replacement }, replacement);
    this.#session = new Session(acquired, this.#options.poolBytes ?? defaultPool);
    this.#restored.clear();
    old.dispose();
  }

  hasKernel(op: AnyOp): boolean {
    return this.#kernels.some((kernel) => kernel.op === op);
  }

  holds(tensor: DeviceTensor): boolean {
    return tensor instanceof GpuTensor && tensor.isOn(this.#session);
  }

  /** What would run by which kernel, and what would be decomposed and why: one line per op and way. */
  plan(graph: Graph): string {
    const { graph: planned } = cut(graph, this.#session.largest, new Set());
    return formatPlan(select(planned, this.#kernels, this.capabilities).entries);
  }

  /** What a run of a graph asks of a GPU, counted without compiling or allocating anything. */
  cost(graph: Graph, { donate = {} }: Pick<CompileOptions, 'donate'> = {}): Cost {
    const gpu = this.capabilities;
    const { graph: planned } = cut(graph, this.#session.largest, new Set());
    return costOf(layOut(select(planned, this.#kernels, gpu), { weights: new Set(), donate, gpu }).steps);
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

  async #place(graph: Graph, options: CompileOptions): Promise<Resident> {
    const session = this.#session;
    return new Resident(session, await compile(session, graph, this.#kernels, options, this.#restore));
  }

  /** Each lost weight is read again once, whatever the number of programs that share it. */
  readonly #restore = async (name: string): Promise<Block[] | undefined> => {
    const { restore } = this.#options;
    if (!restore) return undefined;
    const session = this.#session;
    let block = this.#restored.get(name);
    if (!block) {
      block = restore(name).then((tensor) => session.upload(tensor, `weight '${name}'`));
      this.#restored.set(name, block);
      block.catch(() => this.#restored.delete(name));
    }
    return block;
  };

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
  return new WebGpuExecutor(new Session(acquired, options.poolBytes ?? defaultPool), options);
}
