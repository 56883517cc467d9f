import { breathe, type CallOptions, EmuError, type HostTensor } from '@emu-ts/base';
import {
  type AnyTensor,
  type CompileOptions,
  checkDonation,
  checkInputs,
  checkWeights,
  type Graph,
  type Program,
  type TensorType,
  type Value,
} from '@emu-ts/graph';
import type { JsKernel } from '../js-kernel.js';
import type { Buffer } from '../kernel/buffer.js';
import { checkDtypes, checkIntegers, roundTo, toElements } from '../kernel/elements.js';
import type { Runner } from '../kernel/runner.js';
import { formatPlan, type PlanEntry, prepare } from './prepare.js';
import { operandsOf, planSteps, type Step, type Steps } from './steps.js';
import { GpujsTensor, ownTensor } from './tensor.js';

/** Kernels block the thread; after so many milliseconds the event loop gets a turn. */
const TURN = 20;

/** A graph as a list of kernel calls. */
export class GpujsProgram implements Program {
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, Value>>;
  readonly #runner: Runner;
  readonly #steps: Steps;
  readonly #plan: readonly PlanEntry[];
  readonly #results: Readonly<Record<string, Value>>;
  readonly #donate: Readonly<Record<string, string>>;
  readonly #weightNames: ReadonlySet<string>;
  readonly #weights: ReadonlyMap<string, Buffer>;
  readonly #onDispose: (program: GpujsProgram) => void;
  #disposed = false;

  constructor(
    runner: Runner,
    graph: Graph,
    { kernels, weights = {}, donate = {} }: CompileOptions & { readonly kernels: readonly JsKernel[] },
    onDispose: (program: GpujsProgram) => void,
  ) {
    checkWeights(graph.inputs, weights);
    checkDonation(graph, donate);
    const prepared = prepare(graph, kernels);
    checkDtypes(prepared.graph.nodes.flatMap(({ outputs }) => Object.values(outputs)));
    const isWeight = ([name]: [string, unknown]) => name in weights;
    const inputs = Object.entries(graph.inputs);
    this.inputs = Object.fromEntries(inputs.filter((entry) => !isWeight(entry)));
    this.outputs = graph.outputs;
    this.#weightNames = new Set(inputs.filter(isWeight).map(([name]) => name));
    this.#runner = runner;
    this.#steps = planSteps(prepared);
    this.#plan = prepared.plan;
    this.#results = prepared.graph.outputs;
    this.#donate = donate;
    this.#onDispose = onDispose;
    this.#weights = this.#place(weights);
  }

  /** What runs by a kernel of its own, what was decomposed and why: one line per composite op, then the calls of a run. */
  plan(): string {
    const calls = new Map<string, number>();
    for (const { name, lowered } of this.#steps.steps)
      if ('call' in lowered) calls.set(name, (calls.get(name) ?? 0) + 1);
    const total = [...calls.values()].reduce((a, b) => a + b, 0);
    const list = [...calls].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `${name} ×${count}`);
    const summary = `${total} kernel calls in mode ${this.#runner.mode}: ${list.join(', ')}`;
    return [formatPlan(this.#plan), summary].filter(Boolean).join('\n');
  }

  /**
   * A host tensor may not be changed until the promise settles. When the run fails or is aborted, donated tensors are
   * as they were and stay the caller's.
   */
  async run(
    inputs: Readonly<Record<string, AnyTensor>>,
    { signal }: CallOptions = {},
  ): Promise<Record<string, GpujsTensor>> {
    signal?.throwIfAborted();
    if (this.#disposed) throw new EmuError('DISPOSED', 'This program has been disposed.');
    checkInputs(this.inputs, inputs, this.#weightNames);
    const held = new Map<Value, Buffer>();
    const borrowed = new Set<Buffer>();
    const returns: ((consumed: boolean) => void)[] = [];
    try {
      this.#feed(inputs, held, borrowed);
      returns.push(...this.#lend(inputs));
      await this.#execute(held, signal);
      const outputs = this.#collect(held, borrowed);
      for (const giveBack of returns) giveBack(true);
      return outputs;
    } catch (error) {
      for (const giveBack of returns) giveBack(false);
      throw error;
    } finally {
      for (const buffer of held.values()) buffer.release();
    }
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const buffer of this.#weights.values()) buffer.release();
    this.#onDispose(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** A device tensor is shared with whoever else uses it; of a host tensor a copy is made. */
  #place(weights: Readonly<Record<string, AnyTensor>>): Map<string, Buffer> {
    const placed = new Map<string, Buffer>();
    try {
      for (const name of this.#steps.inputs.keys()) {
        const tensor = weights[name];
        if (!tensor) continue;
        const own = ownTensor(tensor);
        placed.set(
          name,
          own
            ? own.bufferOn(this.#runner).retain()
            : this.#runner.upload(tensor, toElements(tensor as HostTensor).slice()),
        );
      }
      return placed;
    } catch (error) {
      for (const buffer of placed.values()) buffer.release();
      throw error;
    }
  }

  /** Puts weights and inputs in place. `borrowed` are the caller's own arrays. */
  #feed(inputs: Readonly<Record<string, AnyTensor>>, held: Map<Value, Buffer>, borrowed: Set<Buffer>): void {
    for (const [name, value] of this.#steps.inputs) {
      const weight = this.#weights.get(name);
      const own = weight ? undefined : ownTensor(inputs[name]);
      const buffer =
        weight?.retain() ??
        own?.bufferOn(this.#runner).retain() ??
        this.#runner.upload(value, toElements(inputs[name] as HostTensor));
      if (!weight && !own) borrowed.add(buffer);
      held.set(value, buffer);
    }
  }

  #lend(inputs: Readonly<Record<string, AnyTensor>>): ((consumed: boolean) => void)[] {
    const tensors = Object.keys(this.#donate).flatMap((name) => ownTensor(inputs[name]) ?? []);
    if (new Set(tensors).size < tensors.length)
      throw new EmuError('DONATION', 'One tensor is donated as several inputs.');
    for (const tensor of tensors) tensor.bufferOn(this.#runner);
    return tensors.map((tensor) => tensor.lend());
  }

  async #execute(held: Map<Value, Buffer>, signal: AbortSignal | undefined): Promise<void> {
    const uses = new Map(this.#steps.uses);
    let turn = performance.now();
    for (const step of this.#steps.steps) {
      if (performance.now() - turn > TURN) {
        await breathe(signal);
        turn = performance.now();
      }
      held.set(step.value, this.#step(step, held));
      for (const operand of operandsOf(step.lowered)) {
        const left = (uses.get(operand) as number) - 1;
        uses.set(operand, left);
        if (left > 0) continue;
        held.get(operand)?.release();
        held.delete(operand);
      }
    }
    signal?.throwIfAborted();
  }

  #step({ name, value, lowered }: Step, held: ReadonlyMap<Value, Buffer>): Buffer {
    const buffers = (operand: Value) => held.get(operand) as Buffer;
    if ('alias' in lowered) return buffers(lowered.alias).retain();
    const result =
      'elements' in lowered
        ? this.#runner.place(lowered.elements)
        : this.#runner.run(name, lowered.call, buffers);
    if (result.storage instanceof Float32Array) checkIntegers(value, result.storage);
    return result;
  }

  /** The outputs as tensors. State is rounded to its dtype, so that reading it and going on gives the same. */
  #collect(held: ReadonlyMap<Value, Buffer>, borrowed: ReadonlySet<Buffer>): Record<string, GpujsTensor> {
    const stored = new Set(Object.values(this.#donate));
    return Object.fromEntries(
      Object.entries(this.outputs).map(([name, type]) => {
        const buffer = held.get(this.#results[name]) as Buffer;
        const half = stored.has(name) && (type.dtype === 'f16' || type.dtype === 'bf16');
        const own =
          half || borrowed.has(buffer)
            ? this.#runner.place(roundTo(type.dtype, this.#runner.read(buffer)).slice())
            : buffer.retain();
        return [name, new GpujsTensor(this.#runner, type, own)];
      }),
    );
  }
}
