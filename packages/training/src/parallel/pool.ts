import { EmuError, type HostTensor, sizeOf } from '@emu-ts/base';
import type { Scalars } from '../loop/programs.js';
import type { TrainingState } from '../loop/state.js';
import { variableName } from '../step/names.js';
import type { SharedWeight, ToWorker, WorkerLike } from './messages.js';
import { added, type BatchGradients, type GradientPool } from './sum.js';

interface Waiting {
  resolve(result: BatchGradients): void;
  reject(error: unknown): void;
}

/** Workers that compute gradients of different batches at the same weights. They belong to whoever started them. */
export class WorkerPool implements GradientPool {
  readonly #waiting = new Map<number, Waiting>();
  readonly #shared: Record<string, SharedWeight> = {};
  #next = 0;
  #broken: Error | undefined;

  private constructor(
    readonly workers: readonly WorkerLike[],
    readonly state: TrainingState,
  ) {}

  /** Waits until every worker is ready and has the weights. */
  static async start(
    workers: readonly WorkerLike[],
    state: TrainingState,
    signal?: AbortSignal | undefined,
  ): Promise<WorkerPool> {
    if (!workers.length) throw new EmuError('WORKER', 'There are no workers.');
    const pool = new WorkerPool(workers, state);
    await untilAborted(Promise.all(workers.map((worker) => pool.#listen(worker))), signal);
    await pool.#share([...state.step.trained.keys()]);
    for (const worker of workers)
      worker.postMessage({ kind: 'weights', weights: pool.#shared } satisfies ToWorker);
    return pool;
  }

  async sum(
    batches: readonly Readonly<Record<string, HostTensor>>[],
    scalars: Scalars,
    signal?: AbortSignal | undefined,
  ): Promise<ReturnType<typeof added>> {
    const asked = batches.map((batch, i) => this.#ask(i, batch, scalars));
    return added(await untilAborted(Promise.all(asked), signal));
  }

  async refresh(updated: readonly string[]): Promise<void> {
    await this.#share(updated);
  }

  /** Workers are their owner's. */
  async [Symbol.asyncDispose](): Promise<void> {}

  async #share(parameters: readonly string[]): Promise<void> {
    for (const name of parameters) {
      const treatment = this.state.step.trained.get(name);
      if (!treatment) continue;
      const variable = variableName(name, treatment);
      const { data, shape } = await this.state.variable(name);
      this.#shared[variable] ??= { shape, buffer: new SharedArrayBuffer(4 * sizeOf(shape)) };
      new Float32Array(this.#shared[variable].buffer).set(data as Float32Array);
    }
  }

  #ask(turn: number, batch: Readonly<Record<string, HostTensor>>, scalars: Scalars): Promise<BatchGradients> {
    if (this.#broken) return Promise.reject(this.#broken);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      const worker = this.workers[turn % this.workers.length];
      worker.postMessage({ kind: 'gradients', id, batch, scalars } satisfies ToWorker);
    });
  }

  /** Resolves when the worker is ready. */
  #listen(worker: WorkerLike): Promise<void> {
    return new Promise((ready, fail) => {
      const broken = (why: string) => {
        this.#broken ??= new EmuError('WORKER', `A worker ${why}.`);
        for (const { reject } of this.#waiting.values()) reject(this.#broken);
        this.#waiting.clear();
        fail(this.#broken);
      };
      worker.on('error', (error) => broken(`failed: ${error.message}`));
      worker.on('exit', (code) => broken(`ended with code ${code}`));
      worker.on('message', (message) => {
        if (message.kind === 'ready') return ready();
        const waiting = message.id === undefined ? undefined : this.#waiting.get(message.id);
        if (!waiting || message.id === undefined) return;
        this.#waiting.delete(message.id);
        if (message.kind === 'gradients') waiting.resolve(message);
        else
          waiting.reject(new EmuError('WORKER', `A worker could not compute gradients: ${message.message}`));
      });
    });
  }
}

/** Stops waiting, not the work, when the signal aborts. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  signal?.throwIfAborted();
  if (!signal) return work;
  const stop = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { signal: stop.signal });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    stop.abort();
    work.catch(() => {});
  }
}
