import { type CallOptions, EmuError, type HostTensor, ShapeError, tensor } from '@emu-ts/base';
import type {
  LanguageModel,
  LanguageModelModel,
  LanguageModelSession,
  SessionOptions,
} from '@emu-ts/contracts';
import {
  type AnyTensor,
  type DeviceTensor,
  type Executor,
  formatType,
  type Graph,
  reachable,
} from '@emu-ts/graph';
import {
  flatten,
  type LoadOptions,
  type PlacedParams,
  ProgramCache,
  placeParams,
  type TensorSource,
} from '@emu-ts/params';
import { continuationsOp } from '../continuations/op.js';
import { takeHost } from '../host.js';
import { spliceOp } from '../splice/op.js';
import { capacityFor } from './buckets.js';
import { continuations } from './continuations.js';
import { embedGraph, type GraphSettings, logitsGraph, scoreGraph } from './graphs.js';
import { Session } from './session.js';
import { splice } from './splice.js';

export interface LanguageModelOptions extends CallOptions {
  readonly executor: Executor;
  /** Such as `llamaModel(emu14bLlama)`. */
  readonly model: LanguageModelModel;
  /** Holds the model's weights, and may hold those of other components. */
  readonly source: TensorSource;
  /** How weights are stored on the executor. Default: as their parameters declare. */
  readonly dtype?: LoadOptions['dtype'];
  /** How keys and values are kept. Default f32. */
  readonly cacheDType?: 'f32' | 'f16' | undefined;
  /** Positions read in one pass at most, a power of two. Default 256. */
  readonly prefillChunk?: number | undefined;
  /** Compiled programs kept. Default 16. */
  readonly programs?: number | undefined;
}

/**
 * Loads a language model onto an executor, one weight after the other. Throws `CHECKPOINT_MISMATCH` with everything
 * that is missing or misshapen, before anything is read.
 */
export async function languageModel(options: LanguageModelOptions): Promise<LanguageModel> {
  const { executor, model, source, cacheDType = 'f32', prefillChunk = 256, dtype } = options;
  if (!Number.isInteger(Math.log2(prefillChunk)))
    throw new EmuError('OPTION', `prefillChunk is ${prefillChunk}; it takes a power of two.`);
  const { signal, onProgress, programs = 16 } = options;
  const allowUnused = [foreign(model)];
  const placed = await placeParams(executor, model.params, source, {
    allowUnused,
    dtype,
    signal,
    onProgress,
  });
  return new PlacedLanguageModel({ model, cacheDType }, placed, new ProgramCache(programs), prefillChunk);
}

/**
 * Names that are not below the model's own branches (`decoder.lm.model`, `decoder.lm.lm_head`), and rotary frequencies,
 * which some files carry and nobody reads.
 */
function foreign({ params }: LanguageModelModel): RegExp {
  const names = [...flatten(params).keys()];
  const depth = commonDepth(names) + 1;
  const branches = new Set(names.map((name) => name.split('.').slice(0, depth).join('\\.')));
  return new RegExp(`^(?!(${[...branches].join('|')})\\.)|\\.rotary_emb\\.inv_freq$`);
}

/** How many parts of their paths all names share. */
function commonDepth(names: readonly string[]): number {
  const [first, ...others] = names.map((name) => name.split('.'));
  const end = first.findIndex((part, i) => others.some((path) => path[i] !== part));
  return end < 0 ? first.length : end;
}

class PlacedLanguageModel implements LanguageModel {
  readonly #settings: GraphSettings;
  readonly #placed: PlacedParams;
  readonly #programs: ProgramCache;
  readonly #prefillChunk: number;
  readonly #moves = new ProgramCache(8);

  readonly continuations: LanguageModel['continuations'];
  readonly splice: LanguageModel['splice'];

  constructor(settings: GraphSettings, placed: PlacedParams, programs: ProgramCache, prefillChunk: number) {
    this.#settings = settings;
    this.#placed = placed;
    this.#programs = programs;
    this.#prefillChunk = prefillChunk;
    if (placed.executor.hasKernel?.(continuationsOp))
      this.continuations = async (hidden, options) => {
        this.#checkHidden('continuations', hidden);
        return continuations(settings, hidden, options, (key, graph, inputs) =>
          this.#run(key, graph, inputs, options),
        );
      };
    if (placed.executor.hasKernel?.(spliceOp))
      this.splice = async (ids, slots, embeddings, options = {}) => {
        this.#checkIds(ids.flat());
        const parts = await Promise.all(embeddings.map((part) => reachable(placed.executor, part, options)));
        return splice(settings, ids, slots, parts, (key, graph, inputs) =>
          this.#run(key, graph, inputs, options, this.#moves),
        );
      };
  }

  get width(): number {
    return this.#settings.model.width;
  }

  get vocabSize(): number {
    return this.#settings.model.vocabSize;
  }

  get contextLength(): number {
    return this.#settings.model.contextLength;
  }

  async embed(ids: readonly number[], options: CallOptions = {}): Promise<HostTensor<'f32'>> {
    this.#checkIds(ids);
    const size = 2 ** Math.ceil(Math.log2(Math.max(1, ids.length)));
    const padded = tensor('i32', [size]);
    padded.data.set(ids);
    const graph = () => embedGraph(this.#settings, size);
    const { embeddings } = await this.#run(`embed ${size}`, graph, { ids: padded }, options);
    const { data } = await takeHost(embeddings, options);
    const used = (data as Float32Array).subarray(0, ids.length * this.width);
    return tensor('f32', [ids.length, this.width], used);
  }

  async logits(hidden: AnyTensor, options: CallOptions = {}): Promise<DeviceTensor> {
    this.#checkHidden('logits', hidden);
    const [rows] = hidden.shape;
    const graph = () => logitsGraph(this.#settings, rows);
    return (await this.#run(`logits ${rows}`, graph, { hidden }, options)).logits;
  }

  async open({ batch, capacity, signal }: SessionOptions): Promise<LanguageModelSession> {
    this.#checkContext('A session', capacity);
    const host = {
      settings: this.#settings,
      placed: this.#placed,
      programs: this.#programs,
      moves: this.#moves,
      prefillChunk: this.#prefillChunk,
      checkIds: (ids: readonly number[]) => this.#checkIds(ids),
    };
    return Session.open(host, batch, capacityFor(capacity, this.contextLength), signal);
  }

  async score(
    embeddings: AnyTensor,
    options: CallOptions & { readonly padding?: readonly number[] | undefined } = {},
  ): Promise<DeviceTensor> {
    const [b, t, width] = embeddings.shape;
    if (embeddings.shape.length !== 3 || width !== this.width)
      throw new ShapeError(`score: embeddings are [b t ${this.width}], got ${formatType(embeddings)}.`);
    this.#checkContext('A row', t);
    const padding = tensor('i32', [b], options.padding ?? new Array<number>(b).fill(0));
    const graph = () => scoreGraph(this.#settings, b, t);
    return (await this.#run(`score ${b} ${t}`, graph, { embeddings, padding }, options)).logits;
  }

  async dispose(): Promise<void> {
    await this.#programs.dispose();
    await this.#moves.dispose();
    this.#placed.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #run(
    key: string,
    graph: () => Graph,
    inputs: Readonly<Record<string, AnyTensor>>,
    { signal }: CallOptions,
    programs = this.#programs,
  ): Promise<Record<string, DeviceTensor>> {
    signal?.throwIfAborted();
    const compile = async () => this.#placed.compile(graph());
    return programs.with(key, compile, (program) => program.run(inputs, { signal }));
  }

  #checkHidden(what: string, hidden: AnyTensor): void {
    if (hidden.shape.length === 2 && hidden.shape[1] === this.width) return;
    throw new ShapeError(`${what}: hidden states are [rows ${this.width}], got ${formatType(hidden)}.`);
  }

  #checkContext(what: string, positions: number): void {
    if (positions <= this.contextLength) return;
    throw new EmuError(
      'CONTEXT_LENGTH',
      `${what} of ${positions} positions was asked for, the model's context has ${this.contextLength}.`,
      { hint: 'Shorten the prompt or ask for fewer tokens.' },
    );
  }

  #checkIds(ids: readonly number[]): void {
    const bad = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= this.vocabSize);
    if (bad === undefined) return;
    throw new EmuError('TOKEN_ID', `Token id ${bad} is outside 0..${this.vocabSize - 1}.`, {
      hint: 'The tokenizer may belong to another checkpoint.',
    });
  }
}
