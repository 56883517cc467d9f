import type { Storage } from '../plan/steps.js';
import type { Command } from './commands.js';
import type { Compiled, Place } from './compile.js';
import type { Session } from './session.js';

/** The first dispatches go off early so that the GPU starts while the rest is encoded; then larger batches. */
const firstBatch = 16;
const nextBatches = 192;
/** Bind groups kept per command whose buffers change from run to run. */
const keptGroups = 4;

export interface EncodeOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called for every dispatch: the timestamps to write around it. */
  readonly timestamps?: ((index: number) => GPUComputePassTimestampWrites) | undefined;
}

/**
 * Turns a program's commands into submits. Bind groups are made once; those that touch inputs or outputs are kept per
 * buffer, so a decoding loop, whose buffers come back, makes none.
 */
export class Encoder {
  readonly #session: Session;
  readonly #compiled: Compiled;
  /** Bind groups by step, where they never change. */
  readonly #fixed: (GPUBindGroup | undefined)[] = [];
  /** Bind groups by step and buffers, where they do. */
  readonly #changing: (Map<string, GPUBindGroup> | undefined)[] = [];

  constructor(session: Session, compiled: Compiled) {
    this.#session = session;
    this.#compiled = compiled;
  }

  /** Submits everything, in batches. With a signal it stays two batches ahead of the GPU and stops between batches. */
  async run(dynamic: ReadonlyMap<Storage, Place>, { signal, timestamps }: EncodeOptions): Promise<void> {
    const { device } = this.#session;
    const placeOf = (storage: Storage) =>
      (dynamic.get(storage) ?? this.#compiled.places.get(storage)) as Place;
    const running: Promise<unknown>[] = [];
    let encoder = device.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    let pipeline = -1;
    let count = 0;
    let limit = firstBatch;
    const endPass = () => {
      pass?.end();
      pass = undefined;
    };
    const { steps } = this.#compiled;
    for (let index = 0; index < steps.length; index++) {
      const step = steps[index];
      if ('kind' in step) {
        endPass();
        const [from, to] = [placeOf(step.from), placeOf(step.to)];
        encoder.copyBufferToBuffer(from.block.buffer, from.offset, to.block.buffer, to.offset, step.to.bytes);
      } else {
        if (timestamps) {
          endPass();
          pass = encoder.beginComputePass({ timestampWrites: timestamps(index) });
          pipeline = -1;
        } else if (!pass) {
          pass = encoder.beginComputePass();
          pipeline = -1;
        }
        const current = pass as GPUComputePassEncoder;
        if (pipeline !== step.pipeline.id) {
          current.setPipeline(step.pipeline.pipeline);
          pipeline = step.pipeline.id;
        }
        current.setBindGroup(0, this.#fixed[index] ?? this.#group(index, step, dynamic, placeOf));
        const [x, y, z] = step.grid;
        current.dispatchWorkgroups(x, y, z);
      }
      if (++count < limit || index === steps.length - 1) continue;
      endPass();
      device.queue.submit([encoder.finish()]);
      encoder = device.createCommandEncoder();
      count = 0;
      limit = nextBatches;
      if (!signal) continue;
      running.push(this.#session.settled());
      if (running.length > 1) await running.shift();
      signal.throwIfAborted();
    }
    endPass();
    device.queue.submit([encoder.finish()]);
    // What is still running is waited for by whoever reads; a device lost meanwhile is reported there too.
    for (const batch of running) batch.catch(() => {});
  }

  #group(
    index: number,
    command: Command,
    dynamic: ReadonlyMap<Storage, Place>,
    placeOf: (storage: Storage) => Place,
  ): GPUBindGroup {
    let key = '';
    for (const { storage } of command.bindings) {
      const place = dynamic.get(storage);
      if (place) key += `${place.block.id}+${place.offset},`;
    }
    if (!key) {
      const group = this.#create(command, placeOf);
      this.#fixed[index] = group;
      return group;
    }
    let groups = this.#changing[index];
    if (!groups) {
      groups = new Map();
      this.#changing[index] = groups;
    }
    let group = groups.get(key);
    if (!group) {
      group = this.#create(command, placeOf);
      if (groups.size >= keptGroups) groups.delete(groups.keys().next().value as string);
      groups.set(key, group);
    }
    return group;
  }

  #create(command: Command, placeOf: (storage: Storage) => Place): GPUBindGroup {
    const resources: GPUBufferBinding[] = command.bindings.map(({ storage, bytes }) => {
      const { block, offset } = placeOf(storage);
      return { buffer: block.buffer, offset, size: bytes };
    });
    if (command.params && this.#compiled.params)
      resources.unshift({
        buffer: this.#compiled.params,
        offset: command.paramsAt,
        size: command.params.length,
      });
    return this.#session.device.createBindGroup({
      layout: command.pipeline.layout,
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
  }
}
