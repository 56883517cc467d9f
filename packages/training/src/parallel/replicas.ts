import { EmuError, type HostTensor } from '@emu-ts/base';
import type { Executor } from '@emu-ts/graph';
import { type Scalars, StepPrograms } from '../loop/programs.js';
import { TrainingState } from '../loop/state.js';
import { added, type BatchGradients, type GradientPool } from './sum.js';

/** One executor with weights of its own. */
interface Replica {
  readonly state: TrainingState;
  readonly programs: StepPrograms;
  /** Settles when it has nothing to do. */
  idle: Promise<unknown>;
}

/** Executors that compute gradients of different batches at the same weights. They belong to whoever made them. */
export class Replicas implements GradientPool {
  readonly #replicas: readonly Replica[];

  private constructor(
    executors: readonly Executor[],
    readonly state: TrainingState,
    programs: number | undefined,
  ) {
    this.#replicas = executors.map((executor): Replica => {
      const own = new TrainingState(executor, state.step, state.source);
      return { state: own, programs: new StepPrograms(state.step, own, programs), idle: Promise.resolve() };
    });
  }

  /** @param programs batch shapes whose programs each replica keeps */
  static async start(
    executors: readonly Executor[],
    state: TrainingState,
    programs?: number | undefined,
  ): Promise<Replicas> {
    if (!executors.length) throw new EmuError('WORKER', 'There are no replicas.');
    const replicas = new Replicas(executors, state, programs);
    try {
      await replicas.refresh([...state.step.trained.keys()]);
    } catch (error) {
      await replicas[Symbol.asyncDispose]();
      throw error;
    }
    return replicas;
  }

  async sum(
    batches: readonly Readonly<Record<string, HostTensor>>[],
    scalars: Scalars,
    signal?: AbortSignal | undefined,
  ): Promise<ReturnType<typeof added>> {
    const asked = batches.map((batch, i): Promise<BatchGradients> => {
      const replica = this.#replicas[i % this.#replicas.length];
      const own = replica.idle.then(() => {
        signal?.throwIfAborted();
        return replica.programs.gradients(batch, scalars);
      });
      replica.idle = own.catch(() => {});
      return own;
    });
    // Nobody works on when this rejects.
    await Promise.allSettled(asked);
    return added(await Promise.all(asked));
  }

  async refresh(updated: readonly string[]): Promise<void> {
    const sent = updated.map(async (name) => {
      const weight = await this.state.variable(name);
      const put = this.#replicas.map(({ state }) => state.put(name, weight));
      await Promise.allSettled(put);
      await Promise.all(put);
    });
    // A weight that is still on its way when this rejects would be put after everything was freed.
    await Promise.allSettled(sent);
    await Promise.all(sent);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { idle, programs, state } of this.#replicas) {
      await idle;
      await programs.dispose();
      state.dispose();
    }
  }
}
