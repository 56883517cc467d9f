import { type CallOptions, EmuError } from '@emu-ts/base';
import type { AnyTensor, Program, TensorType } from '@emu-ts/graph';
import { formatPlan } from '../plan/format.js';
import type { Profile } from './profile.js';
import type { Resident } from './resident.js';
import type { GpuTensor } from './tensor.js';

/** Brings a program to the executor's present device: the same resident comes back while the device stays. */
export type Settle = (resident: Resident) => Promise<Resident>;

/** A graph as a list of dispatches. After a lost device was replaced it moves to the new one at its next run. */
export class GpuProgram implements Program {
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
  readonly #settle: Settle;
  readonly #onDispose: (program: GpuProgram) => void;
  #resident: Resident;
  #moving: Promise<Resident> | undefined;
  #disposed = false;

  constructor(resident: Resident, settle: Settle, onDispose: (program: GpuProgram) => void) {
    this.#resident = resident;
    this.#settle = settle;
    this.#onDispose = onDispose;
    this.inputs = resident.compiled.inputs;
    this.outputs = resident.compiled.outputs;
  }

  /** Dispatches of one run. */
  get dispatches(): number {
    return this.#resident.compiled.steps.filter((step) => !('kind' in step)).length;
  }

  /** For every op its kernel, or why it was decomposed: one line per op and way it runs. */
  plan(): string {
    return formatPlan(this.#resident.compiled.plan);
  }

  /**
   * Submits the work and returns at once: reading an output waits for it. Donated tensors that are updated in place may
   * be partly written when the run is aborted; they stay the caller's.
   */
  async run(
    inputs: Readonly<Record<string, AnyTensor>>,
    options: CallOptions = {},
  ): Promise<Record<string, GpuTensor>> {
    return (await this.#here(options)).run(inputs, options);
  }

  /**
   * Runs once with a timestamp around every dispatch and says where the time went. Throws `UNSUPPORTED` where the device
   * has no timestamps. Donated inputs are consumed and the outputs dropped.
   */
  async profile(inputs: Readonly<Record<string, AnyTensor>>, options: CallOptions = {}): Promise<Profile> {
    return (await this.#here(options)).profile(inputs, options);
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#onDispose(this);
    await this.#moving?.catch(() => {});
    await this.#resident.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  async #here({ signal }: CallOptions): Promise<Resident> {
    signal?.throwIfAborted();
    if (this.#disposed) throw new EmuError('DISPOSED', 'This program has been disposed.');
    this.#moving ??= this.#settle(this.#resident).finally(() => {
      this.#moving = undefined;
    });
    this.#resident = await this.#moving;
    return this.#resident;
  }
}
