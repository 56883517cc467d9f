import { EmuError, tensor } from '@emu-ts/base';
import type { AnyTensor, DeviceTensor, Program } from '@emu-ts/graph';
import type { PlacedParams, ProgramCache } from '@emu-ts/params';
import { cacheNames, cacheType, type GraphSettings } from './graphs.js';

/** What a session borrows from its model. */
export interface SessionHost {
  readonly settings: GraphSettings;
  readonly placed: PlacedParams;
  readonly programs: ProgramCache;
  /** Programs that only move embeddings: soon compiled, and as many as prompts have lengths. */
  readonly moves: ProgramCache;
  /** Positions read in one pass at most. */
  readonly prefillChunk: number;
  checkIds(ids: readonly number[]): void;
}

export interface CacheCall {
  /** Names the program among those of the model. */
  readonly key: string;
  compile(): Promise<Program>;
  readonly inputs: Readonly<Record<string, AnyTensor>>;
  /** Whether the program was compiled to write over the cache it is given. */
  readonly donated: boolean;
  readonly signal: AbortSignal | undefined;
}

type Tensors = Record<string, DeviceTensor>;

/**
 * Keys and values of fixed capacity on an executor, handed from one program to the next. While a program runs the cache
 * is its; when that fails or is aborted, the cache is gone.
 */
export class KvCache implements Disposable {
  readonly #host: SessionHost;
  #tensors: Tensors | undefined;
  #closed = false;

  private constructor(host: SessionHost, tensors: Tensors) {
    this.#host = host;
    this.#tensors = tensors;
  }

  static async create(
    host: SessionHost,
    batch: number,
    capacity: number,
    signal: AbortSignal | undefined,
  ): Promise<KvCache> {
    const { dtype, shape } = cacheType(host.settings, batch, capacity);
    const tensors: Tensors = {};
    try {
      for (const name of cacheNames(host.settings.model)) {
        signal?.throwIfAborted();
        tensors[name] = await host.placed.executor.upload(tensor(dtype, shape), { signal });
      }
    } catch (error) {
      release(tensors);
      throw error;
    }
    return new KvCache(host, tensors);
  }

  /** Runs a program on the cache, keeps the cache it gives back, and returns its other outputs. */
  async run({ key, compile, inputs, donated, signal }: CacheCall): Promise<Tensors> {
    signal?.throwIfAborted();
    const given = this.#take();
    let outputs: Tensors;
    try {
      outputs = await this.#host.programs.with(key, compile, (program) =>
        program.run({ ...inputs, ...given }, { signal }),
      );
      if (!donated) release(given);
    } catch (error) {
      release(given);
      throw error;
    }
    const names = new Set(cacheNames(this.#host.settings.model));
    const [kept, others] = partition(outputs, (name) => names.has(name));
    this.#tensors = kept;
    if (!this.#closed) return others;
    this.dispose();
    release(others);
    throw closed();
  }

  dispose(): void {
    this.#closed = true;
    if (this.#tensors) release(this.#tensors);
    this.#tensors = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #take(): Tensors {
    const tensors = this.#tensors;
    if (!tensors) throw closed();
    this.#tensors = undefined;
    return tensors;
  }
}

/** Every tensor of the cache is written over. */
export const donation = ({ model }: GraphSettings): Record<string, string> =>
  Object.fromEntries(cacheNames(model).map((name) => [name, name]));

const closed = (): EmuError =>
  new EmuError('SESSION_CLOSED', 'This session was closed, is in use, or was lost to a call that failed.', {
    hint: 'Await each call before the next; after a failure, open another session.',
  });

const release = (tensors: Tensors): void => {
  for (const t of Object.values(tensors)) t.dispose();
};

function partition(all: Tensors, picked: (name: string) => boolean): [Tensors, Tensors] {
  const entries = Object.entries(all);
  const part = (wanted: boolean) => Object.fromEntries(entries.filter(([name]) => picked(name) === wanted));
  return [part(true), part(false)];
}
