import type { CompileOptions, DeviceTensor, Executor, Graph, Program } from '@emu-ts/graph';
import { type LoadOptions, readParams, type Wanted } from './load.js';
import type { TensorSource } from './source.js';

/** The weights of a component on an executor: uploaded once, shared by every program compiled here. */
export class PlacedParams implements Disposable {
  #disposed = false;

  constructor(
    readonly executor: Executor,
    readonly tensors: ReadonlyMap<string, DeviceTensor>,
  ) {}

  /** Compiles a graph, giving it those of its inputs that are weights. */
  compile(graph: Graph, options: Omit<CompileOptions, 'weights'> = {}): Promise<Program> {
    const named = Object.keys(graph.inputs).flatMap((name) => {
      const weight = this.tensors.get(name);
      return weight ? [[name, weight] as const] : [];
    });
    return this.executor.compile(graph, { ...options, weights: Object.fromEntries(named) });
  }

  /** Frees the weights, once. Dispose the programs first. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const weight of this.tensors.values()) weight.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Reads the weights of a tree as `loadParams` does and uploads each before the next is read, so that host memory
 * holds one at a time. When anything fails, what was uploaded is freed.
 */
export async function placeParams(
  executor: Executor,
  wanted: Wanted,
  source: TensorSource,
  options: LoadOptions = {},
): Promise<PlacedParams> {
  const placed = new Map<string, DeviceTensor>();
  try {
    for await (const [name, weight] of readParams(wanted, source, options))
      placed.set(name, await executor.upload(weight, { signal: options.signal }));
  } catch (error) {
    new PlacedParams(executor, placed).dispose();
    throw error;
  }
  return new PlacedParams(executor, placed);
}
