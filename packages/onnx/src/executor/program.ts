import { type CallOptions, EmuError, type HostTensor } from '@emu-ts/base';
import { type AnyTensor, checkInputs, type Program, type TensorType } from '@emu-ts/graph';
import { untilAborted } from './abort.js';
import type { Donation } from './donation.js';
import { feedOf } from './inputs.js';
import { lend } from './loan.js';
import type { Handle, Patch, Runtime } from './runtime.js';
import { OnnxTensor } from './tensor.js';

/** What compiling a graph comes to. */
export interface Compiled {
  readonly session: Handle;
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
  /** Inputs that the model reads; the graph may have lost some to simplification. */
  readonly fed: readonly string[];
  /** The model's name of every output of the lowered graph. */
  readonly names: Readonly<Record<string, string>>;
  readonly donation: Donation;
  readonly weights: Disposable;
  /** Names of the weights. */
  readonly fixed: ReadonlySet<string>;
  readonly plan: string;
}

/** A graph as an ONNX Runtime session. */
export class OnnxProgram implements Program {
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
  /** What runs natively, what was decomposed and why: one line per op. */
  readonly plan: string;
  readonly #runtime: Runtime;
  readonly #compiled: Compiled;
  readonly #onDispose: (program: OnnxProgram) => void;
  readonly #active = new Set<Promise<unknown>>();
  #disposed = false;

  constructor(runtime: Runtime, compiled: Compiled, onDispose: (program: OnnxProgram) => void) {
    this.#runtime = runtime;
    this.#compiled = compiled;
    this.#onDispose = onDispose;
    this.inputs = compiled.inputs;
    this.outputs = compiled.outputs;
    this.plan = compiled.plan;
  }

  /**
   * A host tensor may not be changed until the promise settles. When the run fails or is aborted, donated tensors are
   * as they were and stay the caller's.
   */
  run(
    inputs: Readonly<Record<string, AnyTensor>>,
    options: CallOptions = {},
  ): Promise<Record<string, OnnxTensor>> {
    const run = this.#run(inputs, options);
    const ended: Promise<unknown> = run.then(
      () => this.#active.delete(ended),
      () => this.#active.delete(ended),
    );
    this.#active.add(ended);
    return run;
  }

  async #run(
    inputs: Readonly<Record<string, AnyTensor>>,
    { signal }: CallOptions,
  ): Promise<Record<string, OnnxTensor>> {
    signal?.throwIfAborted();
    if (this.#disposed) throw new EmuError('DISPOSED', 'This program has been disposed.');
    checkInputs(this.inputs, inputs, this.#compiled.fixed);
    const feeds: Record<string, Handle | HostTensor> = {};
    for (const name of this.#compiled.fed)
      if (inputs[name]) feeds[name] = feedOf(inputs[name], this.#runtime);
    const loan = await lend(this.#runtime, this.#compiled.donation, inputs, feeds);
    try {
      const results = await this.#results(feeds, signal);
      await this.#patch(results, loan.state);
      loan.settle(true);
      return this.#tensors(results, loan.state);
    } catch (error) {
      loan.settle(false);
      throw error;
    }
  }

  /** Runs the session; an abort that came meanwhile drops what it gave. */
  async #results(
    feeds: Readonly<Record<string, Handle | HostTensor>>,
    signal: AbortSignal | undefined,
  ): Promise<Readonly<Record<string, Handle>>> {
    const { session, names } = this.#compiled;
    const run = this.#runtime.run({ session, feeds, outputs: Object.values(names) });
    const given = await untilAborted(run, signal, (late) => this.#runtime.release(Object.values(late)));
    return Object.fromEntries(Object.entries(names).map(([output, name]) => [output, given[name]]));
  }

  /** Writes the slices that the program handed out into the state they belong to. */
  async #patch(
    results: Readonly<Record<string, Handle>>,
    state: Readonly<Record<string, Handle>>,
  ): Promise<void> {
    const patches = this.#compiled.donation.inPlace.flatMap(({ input, updates }) =>
      updates.map(
        ({ update, start, axis }): Patch => ({
          state: state[input],
          update: results[update],
          start: results[start],
          axis,
        }),
      ),
    );
    if (!patches.length) return;
    try {
      await this.#runtime.patch(patches);
    } catch (error) {
      this.#runtime.release(Object.values(results));
      throw error;
    }
    this.#runtime.release(patches.flatMap(({ update, start }) => [update, start]));
  }

  #tensors(
    results: Readonly<Record<string, Handle>>,
    state: Readonly<Record<string, Handle>>,
  ): Record<string, OnnxTensor> {
    const places = new Map(
      this.#compiled.donation.inPlace.map(({ input, output }) => [output, state[input]]),
    );
    return Object.fromEntries(
      Object.entries(this.outputs).map(([name, type]) => [
        name,
        new OnnxTensor(this.#runtime, type, places.get(name) ?? results[name]),
      ]),
    );
  }

  /** Lets the runs that have begun end first. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await Promise.all(this.#active);
    this.#runtime.release([this.#compiled.session]);
    this.#compiled.weights[Symbol.dispose]();
    this.#onDispose(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
