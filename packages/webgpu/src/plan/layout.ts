import {
  type AnyOp,
  type Graph,
  inputName,
  type Node,
  primitives,
  type TensorType,
  type Value,
} from '@emu-ts/graph';
import type { AnyKernel, GpuView, Pass } from '../kernel/kernel.js';
import { storedBytes } from '../kernel/storage.js';
import { predecessors, singlePass } from './passes.js';
import type { Selection } from './select.js';
import { typesOf } from './select.js';
import { type MemoryPlan, type Operand, type Step, type Storage, touched } from './steps.js';
import { baseOf } from './view.js';

export interface LayoutOptions {
  readonly weights: ReadonlySet<string>;
  readonly donate: Readonly<Record<string, string>>;
  readonly gpu: GpuView;
}

const isOp = (node: Node, name: keyof typeof primitives) => node.op === (primitives[name] as AnyOp);

/**
 * Turns chosen kernels into steps over storages. Reshapes cost nothing, numbers that are the same everywhere become
 * parameters, outputs nobody reads are not stored, and an update of donated state happens in the state's own memory
 * where nothing reads the old state later.
 */
export function layOut({ graph, kernels }: Selection, options: LayoutOptions): MemoryPlan {
  return new Layouter(graph, kernels, options).run();
}

class Layouter {
  readonly #graph: Graph;
  readonly #kernels: ReadonlyMap<Node, AnyKernel>;
  readonly #options: LayoutOptions;
  readonly #steps: Step[] = [];
  readonly #storages: Storage[] = [];
  readonly #of = new Map<Value, Storage>();
  readonly #constants = new Map<Storage, Node>();
  readonly #lastUse = new Map<Value, number>();
  readonly #outputBases = new Set<Value>();
  readonly #chains = new Map<Value, string>();
  readonly #order: readonly Node[];

  constructor(graph: Graph, kernels: ReadonlyMap<Node, AnyKernel>, options: LayoutOptions) {
    this.#graph = graph;
    this.#kernels = kernels;
    this.#options = options;
    for (const value of Object.values(graph.outputs)) this.#outputBases.add(baseOf(value));
    for (const [input, output] of Object.entries(options.donate))
      this.#findChain(input, graph.outputs[output]);
    this.#order = this.#delayUpdates(graph.nodes);
    this.#order.forEach((node, i) => {
      for (const operand of Object.values(node.inputs)) this.#lastUse.set(baseOf(operand), i);
    });
  }

  run(): MemoryPlan {
    this.#order.forEach((node, i) => {
      this.#place(node, i);
    });
    const outputs = this.#finish();
    const donated = Object.entries(this.#options.donate).map(([input, output]) => {
      const storage = outputs[output];
      return [input, { output, inPlace: storage.kind === 'input' && storage.name === input }] as const;
    });
    return {
      steps: this.#steps,
      storages: this.#storages,
      outputs,
      donated: Object.fromEntries(donated),
      constants: this.#constants,
    };
  }

  /** The values that lead from a donated input to the output that replaces it, each a change of the one before. */
  #findChain(input: string, output: Value): void {
    const walk = (value: Value): Value[] | undefined => {
      const base = baseOf(value);
      if (inputName(base) === input) return [];
      const kernel = this.#kernels.get(base.node);
      for (const name of kernel ? predecessors(kernel, base) : []) {
        const path = walk(base.node.inputs[name]);
        if (path) return [...path, base];
      }
      return undefined;
    };
    for (const value of walk(output) ?? []) this.#chains.set(value, input);
  }

  /** Moves in-place changes that only feed outputs to the end, past everything that still reads the old state. */
  #delayUpdates(nodes: readonly Node[]): readonly Node[] {
    const read = new Set(nodes.flatMap(({ inputs }) => Object.values(inputs).map(baseOf)));
    const late = ({ outputs }: Node) => {
      const values = Object.values(outputs);
      return values.some((value) => this.#chains.has(value)) && !values.some((value) => read.has(value));
    };
    return [...nodes.filter((node) => !late(node)), ...nodes.filter(late)];
  }

  #place(node: Node, at: number): void {
    const { value } = node.outputs;
    if (isOp(node, 'reshape') || (isOp(node, 'full') && !this.#outputBases.has(value))) return;
    const name = value && inputName(value);
    if (name !== undefined) this.#new(value, this.#options.weights.has(name) ? 'weight' : 'input', name);
    else if (isOp(node, 'constant')) this.#constants.set(this.#new(value, 'constant', 'constant'), node);
    else this.#dispatch(node, at);
  }

  #dispatch(node: Node, at: number): void {
    const kernel = this.#kernels.get(node) as AnyKernel;
    const types = typesOf(node);
    const { gpu } = this.#options;
    const takenOver = this.#takeOver(node, kernel, at);
    const scratch = 'passes' in kernel ? (kernel.scratch?.(types, node.attrs, gpu) ?? {}) : {};
    const temporary = Object.fromEntries(
      Object.entries(scratch).map(([name, type]) => [name, this.#storage('slab', node.op.name, type)]),
    );
    const passes =
      'passes' in kernel ? kernel.passes(types, node.attrs, gpu) : [singlePass(node, kernel, gpu)];
    const started = new Set(Object.values(kernel.startsFrom ?? {}));
    for (const pass of passes) {
      const resolve = (
        names: Readonly<Record<string, string | null>>,
        values: Readonly<Record<string, Value>>,
      ): Record<string, Operand> =>
        Object.fromEntries(
          Object.entries(names).map(([name, to]) => [
            name,
            to !== null && temporary[to]
              ? { kind: 'storage', storage: temporary[to], type: scratch[to] }
              : this.#operand(node, kernel, to, values, takenOver),
          ]),
        );
      const reads = Object.fromEntries(
        Object.entries(pass.reads).filter(([, name]) => name === null || !started.has(name)),
      );
      // An input and the output that starts from it may have one name.
      const writes = resolve(pass.writes, node.outputs);
      if (Object.values(writes).every(({ kind }) => kind === 'absent')) continue;
      this.#step({
        kind: 'dispatch',
        node,
        kernel,
        pass,
        reads: resolve(reads, { ...node.outputs, ...node.inputs }),
        writes,
      });
    }
  }

  /** Gives outputs their memory. Says which input's memory the first output took over, if any. */
  #takeOver(node: Node, kernel: AnyKernel, at: number): string | undefined {
    let taken: string | undefined;
    for (const [name, value] of Object.entries(node.outputs)) {
      const from = kernel.startsFrom?.[name];
      // What a kernel changes it may read again itself, even where nobody else does.
      if (!from && !this.#lastUse.has(value) && !this.#outputBases.has(value)) continue;
      const candidates = from ? [from] : this.#chains.has(value) ? predecessors(kernel, value) : [];
      taken = candidates.find((operand) => this.#mayTake(node, operand, value, at));
      if (taken !== undefined) this.#of.set(value, this.#storageOf(node.inputs[taken]) as Storage);
      else {
        const storage = this.#new(value, 'slab', node.op.name);
        if (from) this.#copyInto(node.inputs[from], storage);
      }
    }
    return taken;
  }

  /** Memory can be taken over when nothing reads its old content afterwards, nor this node through another operand. */
  #mayTake(node: Node, operand: string, value: Value, at: number): boolean {
    const base = baseOf(node.inputs[operand]);
    const storage = this.#of.get(base);
    if (!storage || this.#outputBases.has(base) || this.#lastUse.get(base) !== at) return false;
    if (storage.kind === 'input') {
      if (this.#chains.get(value) !== storage.name) return false;
    } else if (storage.kind !== 'slab') return false;
    return Object.entries(node.inputs).every(
      ([name, other]) => name === operand || this.#of.get(baseOf(other)) !== storage,
    );
  }

  #copyInto(value: Value, to: Storage): void {
    const from = this.#storageOf(value);
    if (from) this.#step({ kind: 'copy', from, to });
    else this.#fill(baseOf(value), to);
  }

  /** A number that is the same everywhere becomes memory only where a kernel changes part of it or indexes it. */
  #fill(value: Value, to: Storage): void {
    const kernel = this.#kernels.get(value.node) as AnyKernel & { passes: (...args: unknown[]) => Pass[] };
    const [pass] = kernel.passes(typesOf(value.node), value.node.attrs, this.#options.gpu);
    const writes = { y: { kind: 'storage', storage: to, type: value } as const };
    this.#step({ kind: 'dispatch', node: value.node, kernel, pass, reads: {}, writes });
  }

  #operand(
    node: Node,
    kernel: AnyKernel,
    name: string | null,
    values: Readonly<Record<string, Value>>,
    takenOver: string | undefined,
  ): Operand {
    const value = name === null ? undefined : values[name];
    if (!value) return { kind: 'absent', type: undefined };
    if (name === takenOver && name !== null && !kernel.startsFrom)
      return { kind: 'shared', output: node.op.outputs[0] as string, type: value };
    const base = baseOf(value);
    let storage = this.#of.get(base);
    if (!storage && isOp(base.node, 'full')) {
      if (!kernel.arrays?.includes(name as string))
        return { kind: 'literal', value: base.node.attrs.value as number, type: value };
      storage = this.#new(base, 'slab', 'prim.full');
      this.#fill(base, storage);
    }
    return storage ? { kind: 'storage', storage, type: value } : { kind: 'absent', type: value };
  }

  /** Outputs that are no new tensor (an input handed through, one value under two names) are copied. */
  #finish(): Record<string, Storage> {
    const outputs: Record<string, Storage> = {};
    const claimed = new Map<Storage, Storage>();
    const copies: [Storage, Storage][] = [];
    const donatedTo = Object.fromEntries(Object.entries(this.#options.donate).map(([i, o]) => [o, i]));
    for (const [name, value] of Object.entries(this.#graph.outputs)) {
      const storage = this.#storageOf(value) as Storage;
      const own = storage.kind === 'slab' || (storage.kind === 'input' && donatedTo[name] === storage.name);
      if (own && !claimed.has(storage)) {
        const output = storage.kind === 'slab' ? this.#become(storage, name) : storage;
        claimed.set(storage, output);
        outputs[name] = output;
      } else {
        outputs[name] = this.#storage('output', name, value);
        copies.push([storage, outputs[name]]);
      }
    }
    for (const [from, to] of copies) this.#step({ kind: 'copy', from: claimed.get(from) ?? from, to });
    return outputs;
  }

  /** A slab's storage that leaves the program gets a buffer of its own. */
  #become(storage: Storage, name: string): Storage {
    return Object.assign(storage, { kind: 'output', name });
  }

  #storageOf(value: Value): Storage | undefined {
    return this.#of.get(baseOf(value));
  }

  #new(value: Value, kind: Storage['kind'], name: string): Storage {
    const storage = this.#storage(kind, name, value);
    this.#of.set(value, storage);
    return storage;
  }

  #storage(kind: Storage['kind'], name: string, { dtype, shape }: TensorType): Storage {
    const type = { dtype, shape };
    const at = this.#steps.length;
    const storage: Storage = { kind, name, type, bytes: storedBytes(type), first: at, last: at };
    this.#storages.push(storage);
    return storage;
  }

  #step(step: Step): void {
    const at = this.#steps.push(step) - 1;
    for (const storage of touched(step)) storage.last = at;
  }
}
