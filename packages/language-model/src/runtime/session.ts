import { type CallOptions, EmuError, ShapeError, tensor } from '@emu-ts/base';
import type {
  BranchOptions,
  Continuation,
  DrawOptions,
  LanguageModelSession,
  PrefillOptions,
} from '@emu-ts/contracts';
import {
  type AnyOp,
  type AnyTensor,
  type DeviceTensor,
  type Graph,
  isDeviceTensor,
  reachable,
} from '@emu-ts/graph';
import { continuationsOp } from '../continuations/op.js';
import { copyPositions, discard, takeHost, toHost } from '../host.js';
import { nextBeamsOp } from '../next-beams/op.js';
import { sampleOp } from '../sample/op.js';
import { spliceOp } from '../splice/op.js';
import { branch, parentsOf } from './branch.js';
import { type Chunk, chunks } from './buckets.js';
import { checkPrefill, checkRoom, checkStep, isIds } from './checks.js';
import { draw } from './draw.js';
import { branchGraph, drawGraph, type PassShape, passGraph, type RunGraph, reorderGraph } from './graphs.js';
import { donation, KvCache, type SessionHost } from './kv-cache.js';
import { RowTable } from './row-table.js';
import { cut } from './splice.js';

/**
 * Rows of a language model. Keys and values stay on the executor; the host keeps how long the rows are, their padding, and
 * which row of the cache holds whose past.
 */
export class Session implements LanguageModelSession {
  readonly #host: SessionHost;
  readonly #cache: KvCache;
  #padding: readonly number[];
  #rows: RowTable;
  #length = 0;

  readonly draw: LanguageModelSession['draw'];
  readonly branch: LanguageModelSession['branch'];

  private constructor(host: SessionHost, cache: KvCache, batch: number, capacity: number) {
    this.#host = host;
    const has = (...ops: readonly AnyOp[]) => ops.every((op) => host.placed.executor.hasKernel?.(op));
    if (has(sampleOp)) this.draw = (options) => this.#draw(options);
    if (has(continuationsOp, nextBeamsOp)) this.branch = (options) => this.#branch(options);
    this.#cache = cache;
    this.#padding = new Array<number>(batch).fill(0);
    this.#rows = RowTable.straight(batch, capacity);
  }

  static async open(
    host: SessionHost,
    batch: number,
    capacity: number,
    signal: AbortSignal | undefined,
  ): Promise<Session> {
    return new Session(host, await KvCache.create(host, batch, capacity, signal), batch, capacity);
  }

  get batch(): number {
    return this.#rows.batch;
  }

  get capacity(): number {
    return this.#rows.capacity;
  }

  get length(): number {
    return this.#length;
  }

  async prefill(given: AnyTensor, options: PrefillOptions = {}): Promise<AnyTensor> {
    const { padding, positions = 'last', start = 0, signal } = options;
    checkPrefill(this.#host, this, given, options);
    const embeddings = await reachable(this.#host.placed.executor, given, { signal });
    if (padding) this.#padding = [...padding];
    const total = embeddings.shape[1] - start;
    const plan = chunks(total, this.capacity - this.#length, this.#host.prefillChunk);
    if (!start && plan.length === 1 && plan[0].size === total)
      return this.#pass({ embeddings }, { from: 'embeddings', size: total, positions }, total, signal);
    return this.#prefillChunks(embeddings, plan, { ...options, positions });
  }

  async step(next: readonly number[] | AnyTensor, { signal }: CallOptions = {}): Promise<DeviceTensor> {
    checkStep(this.#host, this, next);
    checkRoom(this, 1);
    const shape = { size: 1, positions: 'last' } as const;
    if (isIds(next)) {
      const ids = tensor('i32', [this.batch], next);
      return this.#pass({ ids }, { ...shape, from: 'ids' }, 1, signal);
    }
    const embedding = await reachable(this.#host.placed.executor, next, { signal });
    return this.#pass({ embedding }, { ...shape, from: 'embedding' }, 1, signal);
  }

  async reorder(parents: readonly number[], { signal }: CallOptions = {}): Promise<void> {
    const stray = parents.find((row) => !Number.isInteger(row) || row < 0 || row >= this.batch);
    if (!parents.length || stray !== undefined)
      throw new ShapeError(`reorder: rows are 0..${this.batch - 1}, got ${stray ?? 'none'}.`);
    if (parents.length === this.batch) this.#rows = this.#rows.reordered(parents, this.#length);
    else {
      await this.#lay(this.#rows.reordered(parents, this.capacity), signal);
      this.#rows = RowTable.straight(parents.length, this.capacity);
    }
    this.#padding = parents.map((row) => this.#padding[row]);
  }

  truncate(length: number): void {
    if (!Number.isInteger(length) || length < 0 || length > this.#length)
      throw new EmuError('OPTION', `truncate: the session holds ${this.#length} positions, got ${length}.`);
    this.#rows = this.#rows.reordered([...Array(this.batch).keys()], length);
    this.#length = length;
  }

  dispose(): void {
    this.#cache.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #draw(options: DrawOptions): AsyncGenerator<number[], void> {
    const { settings, placed } = this.#host;
    checkStep(this.#host, this, options.first);
    checkRoom(this, options.steps);
    const rows = { batch: this.batch, capacity: this.capacity, vocabSize: settings.model.vocabSize };
    return draw(placed.executor, rows, options, (inputs, how) => {
      const graph = (shape: PassShape) => drawGraph(settings, shape, how);
      return this.#onward(
        `draw ${JSON.stringify(how)}`,
        graph,
        inputs,
        how.penalty === 1 ? {} : { seen: 'seen' },
      );
    });
  }

  async *#branch(options: BranchOptions): AsyncGenerator<Continuation[][], void> {
    const { settings } = this.#host;
    checkStep(this.#host, this, options.first);
    checkRoom(this, options.steps);
    let [length, rows] = [this.#length, this.#rows];
    const steps = branch(settings.model.vocabSize, rows.tensor, options, (inputs, how) => {
      const graph = (shape: PassShape) => branchGraph(settings, shape, how);
      return this.#onward(`branch ${JSON.stringify(how)}`, graph, inputs);
    });
    try {
      for await (const found of steps) {
        length++;
        rows = rows.reordered(parentsOf(found, options), length);
        yield found;
      }
    } finally {
      this.#length = length;
      this.#rows = rows;
    }
  }

  /**
   * One run over one id a row, of a graph that says how to go on. Nothing here waits for the executor, so it takes no
   * signal: whoever goes on looks at it between steps.
   */
  async #onward(
    name: string,
    graph: (shape: PassShape) => Graph,
    inputs: Readonly<Record<string, AnyTensor>>,
    donated: Readonly<Record<string, string>> = {},
  ): Promise<Record<string, DeviceTensor>> {
    const { settings, placed } = this.#host;
    const { batch, capacity } = this;
    const scattered = 'rows' in inputs || !this.#rows.isStraight;
    const shape: PassShape = { batch, capacity, size: 1, from: 'ids', positions: 'last', scattered };
    const outputs = await this.#cache.run({
      key: `${name} ${batch} ${capacity} ${scattered}`,
      compile: () => placed.compile(graph(shape), { donate: { ...donation(settings), ...donated } }),
      inputs: { ...this.#state(), ...inputs },
      donated: true,
      signal: undefined,
    });
    this.#length++;
    return outputs;
  }

  /** What every pass is told of the rows. */
  #state(): Record<string, AnyTensor> {
    return {
      length: tensor('i32', [], [this.#length]),
      padding: tensor('i32', [this.batch], this.#padding),
      ...(this.#rows.isStraight ? {} : { rows: this.#rows.tensor }),
    };
  }

  /** Pass after pass over parts of the embeddings, the last part filled up with positions that do not count. */
  async #prefillChunks(
    embeddings: AnyTensor,
    plan: readonly Chunk[],
    { positions = 'last', start = 0, signal, onProgress }: PrefillOptions,
  ): Promise<AnyTensor> {
    const [batch, length, width] = embeddings.shape;
    const total = length - start;
    const parts = await this.#partsOf(embeddings, signal);
    const all = positions === 'all' ? tensor('f32', [batch, total, width]) : undefined;
    let done = 0;
    let last: DeviceTensor | undefined;
    for (const { used, size } of plan) {
      last?.dispose();
      const shape = { from: 'embeddings', size, positions } as const;
      const part = await parts(start + done, used, size);
      const hidden = await this.#pass({ embeddings: part }, shape, used, signal).finally(() => discard(part));
      if (all) copyPositions(await takeHost(hidden, { signal }), 0, all, done, used);
      else last = hidden;
      done += used;
      onProgress?.({ phase: 'prefill', component: 'language-model', loaded: done, total });
    }
    return all ?? (last as DeviceTensor);
  }

  /**
   * Gives `size` positions from `start` on, of which `used` count: cut out where the embeddings are, if that is where the
   * model computes, or in host memory.
   */
  async #partsOf(
    embeddings: AnyTensor,
    signal: AbortSignal | undefined,
  ): Promise<(start: number, used: number, size: number) => Promise<AnyTensor>> {
    const { settings, placed, moves } = this.#host;
    const [batch, , width] = embeddings.shape;
    if (isDeviceTensor(embeddings) && placed.executor.hasKernel?.(spliceOp)) {
      const run: RunGraph = (key, graph, inputs) =>
        moves.with(
          key,
          () => placed.compile(graph()),
          (program) => program.run(inputs, { signal }),
        );
      return (start, _, size) => cut(settings, embeddings, start, size, run);
    }
    const source = await toHost(embeddings, { signal });
    return async (start, used, size) => {
      const part = tensor('f32', [batch, size, width]);
      copyPositions(source, start, part, 0, used);
      return part;
    };
  }

  /** One run of the model over new positions, of which the first `used` count. */
  async #pass(
    inputs: Readonly<Record<string, AnyTensor>>,
    part: Pick<PassShape, 'from' | 'size' | 'positions'>,
    used: number,
    signal: AbortSignal | undefined,
  ): Promise<DeviceTensor> {
    const { settings, placed } = this.#host;
    const { batch, capacity } = this;
    const shape: PassShape = { batch, capacity, ...part, scattered: !this.#rows.isStraight };
    const { from, size, positions, scattered } = shape;
    const { hidden } = await this.#cache.run({
      key: `pass ${batch} ${capacity} ${size} ${from} ${positions} ${scattered}`,
      compile: () => placed.compile(passGraph(settings, shape), { donate: donation(settings) }),
      inputs: {
        ...inputs,
        ...this.#state(),
        ...(positions === 'last' && size > 1 ? { last: tensor('i32', [], [used - 1]) } : {}),
      },
      donated: true,
      signal,
    });
    this.#length += used;
    return hidden;
  }

  /** Lays the cache out for another number of rows. */
  async #lay(rows: RowTable, signal: AbortSignal | undefined): Promise<void> {
    const { settings, placed } = this.#host;
    const { batch, capacity } = this;
    await this.#cache.run({
      key: `reorder ${batch} ${rows.batch} ${capacity}`,
      compile: () => placed.compile(reorderGraph(settings, batch, rows.batch, capacity)),
      inputs: { rows: rows.tensor },
      donated: false,
      signal,
    });
  }
}
