import { type CallOptions, EmuError, ShapeError, tensor } from '@emu-ts/base';
import type { DrawOptions, LanguageModelSession, PrefillOptions } from '@emu-ts/contracts';
import {
  type AnyTensor,
  type DeviceTensor,
  formatType,
  isDeviceTensor,
  reachable,
  sameShape,
} from '@emu-ts/graph';
import { copyPositions, discard, takeHost, toHost } from '../host.js';
import { sampleOp } from '../sample/op.js';
import { spliceOp } from '../splice/op.js';
import { type Chunk, chunks } from './buckets.js';
import { draw } from './draw.js';
import {
  cacheNames,
  type DrawShape,
  drawGraph,
  type GraphSettings,
  type PassShape,
  passGraph,
  type RunGraph,
  reorderGraph,
} from './graphs.js';
import { KvCache, type SessionHost } from './kv-cache.js';
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

  private constructor(host: SessionHost, cache: KvCache, batch: number, capacity: number) {
    this.#host = host;
    if (host.placed.executor.hasKernel?.(sampleOp)) this.draw = (options) => this.#draw(options);
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
    const { padding, positions = 'last', signal } = options;
    this.#checkPrefill(given, padding);
    const embeddings = await reachable(this.#host.placed.executor, given, { signal });
    if (padding) this.#padding = [...padding];
    const total = embeddings.shape[1];
    const plan = chunks(total, this.capacity - this.#length, this.#host.prefillChunk);
    if (plan.length === 1 && plan[0].size === total)
      return this.#pass({ embeddings }, { from: 'embeddings', size: total, positions }, total, signal);
    return this.#prefillChunks(embeddings, plan, { ...options, positions });
  }

  async step(next: readonly number[] | AnyTensor, { signal }: CallOptions = {}): Promise<DeviceTensor> {
    this.#checkStep(next);
    this.#checkRoom(1);
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
    const { executor } = this.#host.placed;
    const { vocabSize } = this.#host.settings.model;
    this.#checkStep(options.first);
    this.#checkRoom(options.steps);
    const rows = { batch: this.batch, capacity: this.capacity, vocabSize };
    return draw(executor, rows, options, (inputs, how) => this.#drawStep(inputs, how));
  }

  /** Nothing here waits for the executor, so it takes no signal: whoever draws looks at it between steps. */
  async #drawStep(
    inputs: Readonly<Record<string, AnyTensor>>,
    how: DrawShape,
  ): Promise<Record<string, DeviceTensor>> {
    const { settings, placed } = this.#host;
    const { batch, capacity } = this;
    const scattered = !this.#rows.isStraight;
    const shape: PassShape = { batch, capacity, size: 1, from: 'ids', positions: 'last', scattered };
    const seen = how.penalty === 1 ? {} : { seen: 'seen' };
    const chosen = await this.#cache.run({
      key: `draw ${batch} ${capacity} ${scattered} ${JSON.stringify(how)}`,
      compile: () =>
        placed.compile(drawGraph(settings, shape, how), { donate: { ...donation(settings), ...seen } }),
      inputs: { ...inputs, ...this.#state() },
      donated: true,
      signal: undefined,
    });
    this.#length++;
    return chosen;
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
    { positions = 'last', signal, onProgress }: PrefillOptions,
  ): Promise<AnyTensor> {
    const total = embeddings.shape[1];
    const parts = await this.#partsOf(embeddings, signal);
    const all = positions === 'all' ? tensor('f32', embeddings.shape) : undefined;
    let done = 0;
    let last: DeviceTensor | undefined;
    for (const { used, size } of plan) {
      last?.dispose();
      const shape = { from: 'embeddings', size, positions } as const;
      const part = await parts(done, used, size);
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

  #checkPrefill(embeddings: AnyTensor, padding: readonly number[] | undefined): void {
    const { width } = this.#host.settings.model;
    const [batch, total, d] = embeddings.shape;
    if (embeddings.shape.length !== 3 || batch !== this.batch || d !== width || !total)
      throw new ShapeError(
        `prefill: embeddings are [${this.batch} t ${width}], got ${formatType(embeddings)}.`,
      );
    this.#checkRoom(total);
    if (!padding) return;
    if (this.#length && padding.some(Boolean))
      throw new EmuError('OPTION', 'Padding is for the first prefill of a session only.');
    if (padding.length !== batch || padding.some((n) => !Number.isInteger(n) || n < 0 || n >= total))
      throw new ShapeError(`prefill: padding is ${batch} numbers in 0..${total - 1}, got [${padding}].`);
  }

  #checkStep(next: readonly number[] | AnyTensor): void {
    const { width } = this.#host.settings.model;
    if (!isIds(next)) {
      if (!sameShape(next.shape, [this.batch, width]))
        throw new ShapeError(`step: embeddings are [${this.batch} ${width}], got ${formatType(next)}.`);
    } else if (next.length !== this.batch)
      throw new ShapeError(`step: there are ${this.batch} rows, got ${next.length} token ids.`);
    else this.#host.checkIds(next);
  }

  #checkRoom(positions: number): void {
    if (this.#length + positions <= this.capacity) return;
    throw new EmuError(
      'CAPACITY',
      `${positions} more positions do not fit behind ${this.#length} in a session of ${this.capacity}.`,
      { hint: 'Open the session with the capacity it will need.' },
    );
  }
}

/** Every tensor of the cache is written over. */
const donation = ({ model }: GraphSettings): Record<string, string> =>
  Object.fromEntries(cacheNames(model).map((name) => [name, name]));

const isIds = (next: readonly number[] | AnyTensor): next is readonly number[] => Array.isArray(next);
