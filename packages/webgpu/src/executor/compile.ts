import type { HostTensor } from '@emu-ts/base';
import { EmuError } from '@emu-ts/base';
import {
  type AnyTensor,
  type CompileOptions,
  checkDonation,
  checkWeights,
  formatType,
  type Graph,
  isDeviceTensor,
  type TensorType,
} from '@emu-ts/graph';
import type { Block } from '../device/buffers.js';
import { guarded } from '../device/errors.js';
import type { AnyKernel } from '../kernel/kernel.js';
import { cut } from '../plan/cut.js';
import { layOut } from '../plan/layout.js';
import { pack } from '../plan/pack.js';
import { type PlanEntry, select } from '../plan/select.js';
import type { Copy, Donated, Storage } from '../plan/steps.js';
import { type Command, type Draft, draft } from './commands.js';
import type { Session } from './session.js';
import { GpuTensor, toDevice } from './tensor.js';

/** Memory with a position in it. */
export interface Place {
  readonly block: Block;
  readonly offset: number;
}

/** A program's immutable part. */
export interface Compiled {
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
  readonly steps: readonly (Command | Copy)[];
  /** Storages that stay where they are from run to run. */
  readonly places: ReadonlyMap<Storage, Place>;
  readonly inputStorages: Readonly<Record<string, Storage>>;
  /** Names of the storages that an input or weight larger than a binding lies in. */
  readonly parts: ReadonlyMap<string, readonly string[]>;
  readonly outputStorages: Readonly<Record<string, Storage>>;
  readonly donated: Readonly<Record<string, Donated>>;
  readonly weights: ReadonlySet<string>;
  /** Device tensors of the caller's that the program reads: they must outlive it. */
  readonly borrowed: readonly GpuTensor[];
  readonly params: GPUBuffer | undefined;
  readonly plan: readonly PlanEntry[];
  release(): void;
}

const UNIFORM = 0x40;
const COPY_DST = 0x8;
const alignment = 256;
const roundUp = (n: number) => Math.ceil(n / alignment) * alignment;

/** Finds the memory of a weight whose device was lost; undefined where nobody knows how to read it again. */
export type Restore = (name: string) => Promise<readonly Block[] | undefined>;

/** From a graph to commands: choose kernels, plan memory, assemble shaders, compile pipelines, place weights. */
export async function compile(
  session: Session,
  graph: Graph,
  kernels: readonly AnyKernel[],
  { weights = {}, donate = {}, signal, onProgress }: CompileOptions,
  restore: Restore,
): Promise<Compiled> {
  signal?.throwIfAborted();
  session.check();
  checkDonation(graph, donate);
  checkWeights(graph.inputs, weights);
  const gpu = session.capabilities;
  const { graph: planned, parts } = cut(graph, session.largest, new Set(Object.keys(donate)));
  const selection = select(planned, kernels, gpu);
  const names = new Set(Object.keys(weights));
  const partNames = Object.keys(weights).flatMap((name) => parts.get(name) ?? [name]);
  const plan = layOut(selection, { weights: new Set(partNames), donate, gpu });
  const packing = pack(plan.storages, plan.steps, gpu.limits.maxStorageBufferBindingSize);
  const drafts = plan.steps.map((step) => (step.kind === 'copy' ? step : draft(step, gpu)));
  const total = drafts.length + Object.keys(weights).length;
  let loaded = 0;
  const progress = () => onProgress?.({ phase: 'compile', loaded: ++loaded, total });

  const owned = new Owned(session);
  try {
    const slabs = await session.slabs.acquire(packing.slabs);
    owned.onRelease(() => slabs.release());
    const places = new Map<Storage, Place>();
    for (const [storage, { slab, offset }] of packing.spots)
      places.set(storage, { block: slabs.blocks[slab], offset });
    await owned.constants(plan.constants, places);
    const placed = new Map(
      plan.storages.flatMap((storage) =>
        storage.kind === 'weight' ? [[storage.name, storage] as const] : [],
      ),
    );
    for (const [name, weight] of Object.entries(weights)) {
      const pieces = parts.get(name) ?? [name];
      if (!pieces.some((piece) => placed.has(piece))) continue;
      const blocks = await owned.weight(name, weight, pieces.length, restore, signal);
      pieces.forEach((piece, i) => {
        const storage = placed.get(piece);
        if (storage) places.set(storage, { block: blocks[i], offset: 0 });
      });
      progress();
    }
    const { buffer, positions } = await owned.params(drafts);
    const steps = await Promise.all(
      drafts.map(async (step): Promise<Command | Copy> => {
        if ('kind' in step) return step;
        const { kernel, pass } = step.dispatch;
        const pipeline = await session.pipelines.get(kernel.name, step.shader, pass.overrides ?? {});
        progress();
        return { ...step, pipeline, paramsAt: positions.get(step) ?? 0 };
      }),
    );
    signal?.throwIfAborted();
    const open = Object.entries(graph.inputs).filter(([name]) => !names.has(name));
    return {
      inputs: Object.fromEntries(open),
      outputs: graph.outputs,
      steps: steps.filter((step) => 'kind' in step || step.grid.every((n) => n > 0)),
      places,
      inputStorages: Object.fromEntries(
        plan.storages.filter(({ kind }) => kind === 'input').map((storage) => [storage.name, storage]),
      ),
      outputStorages: plan.outputs,
      parts,
      donated: plan.donated,
      weights: names,
      borrowed: owned.borrowed,
      params: buffer,
      plan: selection.entries,
      release: () => owned.release(),
    };
  } catch (error) {
    owned.release();
    throw error;
  }
}

/** What a program holds on the device, freed together. */
class Owned {
  readonly #session: Session;
  readonly #releases: (() => void)[] = [];
  readonly borrowed: GpuTensor[] = [];

  constructor(session: Session) {
    this.#session = session;
  }

  onRelease(release: () => void): void {
    this.#releases.push(release);
  }

  release(): void {
    for (const release of this.#releases.splice(0)) release();
  }

  /** A device tensor is used where it lies, so that programs share it; a host tensor is placed for this program. */
  async weight(
    name: string,
    tensor: AnyTensor,
    pieces: number,
    restore: Restore,
    signal: AbortSignal | undefined,
  ): Promise<readonly Block[]> {
    if (tensor instanceof GpuTensor) {
      const restored = tensor.isLost ? await restore(name) : undefined;
      if (restored) return restored;
      this.borrowed.push(tensor);
      return pieces > 1 ? tensor.blocksOn(this.#session) : [tensor.blockOn(this.#session)];
    }
    const blocks = await this.#session.upload(hostOnly(tensor), `weight '${name}'`, { signal });
    this.onRelease(() => {
      for (const block of blocks) this.#session.buffers.release(block);
    });
    return blocks;
  }

  /** All constants share one buffer. */
  async constants(
    nodes: ReadonlyMap<Storage, { readonly attrs: Readonly<Record<string, unknown>> }>,
    places: Map<Storage, Place>,
  ): Promise<void> {
    let bytes = 0;
    const offsets = [...nodes].map(([storage, { attrs }]) => {
      const offset = bytes;
      bytes = roundUp(bytes + storage.bytes);
      return { storage, offset, data: toDevice(attrs.tensor as HostTensor) };
    });
    if (!bytes) return;
    const block = await this.#session.buffers.allocate(bytes, 'constants');
    this.onRelease(() => this.#session.buffers.release(block));
    for (const { storage, offset, data } of offsets) {
      places.set(storage, { block, offset });
      this.#session.device.queue.writeBuffer(block.buffer, offset, data);
    }
  }

  /** All parameters share one uniform buffer, equal ones a place in it. */
  async params(
    steps: readonly (Draft | Copy)[],
  ): Promise<{ buffer: GPUBuffer | undefined; positions: Map<Draft, number> }> {
    const positions = new Map<Draft, number>();
    const seen = new Map<string, number>();
    const parts: { at: number; bytes: Uint8Array }[] = [];
    let size = 0;
    for (const step of steps) {
      if ('kind' in step || !step.params) continue;
      const key = step.params.join();
      const at = seen.get(key) ?? size;
      if (at === size) {
        seen.set(key, at);
        parts.push({ at, bytes: step.params });
        size = roundUp(size + step.params.length);
      }
      positions.set(step, at);
    }
    if (!size) return { buffer: undefined, positions };
    const { device } = this.#session;
    const buffer = await guarded(device, 'parameters', () =>
      device.createBuffer({ size, usage: UNIFORM | COPY_DST, label: 'parameters' }),
    );
    this.onRelease(() => buffer.destroy());
    const all = new Uint8Array(size);
    for (const { at, bytes } of parts) all.set(bytes, at);
    device.queue.writeBuffer(buffer, 0, all);
    return { buffer, positions };
  }
}

export function hostOnly(tensor: AnyTensor): HostTensor {
  if (!isDeviceTensor(tensor)) return tensor;
  throw new EmuError('FOREIGN_TENSOR', `This ${formatType(tensor)} tensor lives on another executor.`, {
    hint: 'Read it there and upload it here.',
  });
}
