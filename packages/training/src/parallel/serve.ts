import { EmuError, type HostTensor, tensor } from '@emu-ts/base';
import type { Executor } from '@emu-ts/graph';
import type { TensorSource } from '@emu-ts/params';
import { StepPrograms } from '../loop/programs.js';
import { TrainingState } from '../loop/state.js';
import type { TrainingStep } from '../step/types.js';
import type { FromWorker, PortLike, SharedWeight, ToWorker } from './messages.js';

export interface WorkerParts {
  readonly executor: Executor;
  /** The same step as the trainer's. */
  readonly step: TrainingStep;
  /** Of weights that are not trained; trained ones come from the trainer. */
  readonly weights: TensorSource;
}

/**
 * Makes a worker thread compute gradients for a trainer: the whole of a worker's script, beside building the step.
 * @param create called once, in the worker
 * @param port default the thread's own
 */
export async function serveGradients(create: () => Promise<WorkerParts>, port?: PortLike): Promise<void> {
  const parent = port ?? ((await import('node:worker_threads')).parentPort as PortLike | null);
  if (!parent) throw new EmuError('WORKER', 'serveGradients runs in a worker thread; this is the main one.');
  const say = (message: FromWorker, transfer: readonly ArrayBuffer[] = []) =>
    parent.postMessage(message, transfer);
  let shared: Readonly<Record<string, SharedWeight>> = {};
  const { executor, step, weights } = await create();
  const programs = new StepPrograms(step, new TrainingState(executor, step, weights));

  const answer = async (message: ToWorker): Promise<void> => {
    if (message.kind === 'weights') {
      shared = message.weights;
      return;
    }
    const { id, batch, scalars } = message;
    try {
      const { figures, gradients } = await programs.gradients(batch, scalars, snapshot(shared));
      say(
        { kind: 'gradients', id, figures, gradients },
        Object.values(gradients).map(({ data }) => data.buffer as ArrayBuffer),
      );
    } catch (error) {
      say({ kind: 'failed', id, message: error instanceof Error ? error.message : String(error) });
    }
  };
  // One after the other: a worker has one executor and one set of weights.
  let last = Promise.resolve();
  parent.on('message', (message) => {
    last = last.then(() => answer(message));
  });
  say({ kind: 'ready' });
}

/** Copies: a runtime may not take memory that other threads write to. */
const snapshot = (shared: Readonly<Record<string, SharedWeight>>): Record<string, HostTensor> =>
  Object.fromEntries(
    Object.entries(shared).map(([name, { shape, buffer }]) => [
      name,
      tensor('f32', shape, new Float32Array(buffer).slice()),
    ]),
  );
