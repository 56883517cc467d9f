import { type HostTensor, ShapeError, tensor } from '@emu-ts/base';
import type { DrawOptions } from '@emu-ts/contracts';
import type { AnyTensor, DeviceTensor, Executor } from '@emu-ts/graph';
import { discard } from '../host.js';
import type { DrawShape } from './graphs.js';
import { inFlight } from './in-flight.js';

/** One step of a session that chooses tokens. `inputs` and what comes back are the tokens and what has been seen. */
export type DrawStep = (
  inputs: Readonly<Record<string, AnyTensor>>,
  how: DrawShape,
) => Promise<Record<string, DeviceTensor>>;

interface Rows {
  readonly batch: number;
  readonly capacity: number;
  readonly vocabSize: number;
}

/**
 * Feeds back tokens without waiting for them: they stay where they were chosen, and the host reads each step's while the
 * next ones run.
 */
export async function* draw(
  executor: Executor,
  { batch, capacity, vocabSize }: Rows,
  { first, steps, numbers, repetition, signal, ...options }: DrawOptions,
  step: DrawStep,
): AsyncGenerator<number[], void> {
  if (numbers && numbers.length !== batch * steps)
    throw new ShapeError(`draw: ${batch} · ${steps} numbers are wanted, got ${numbers.length}.`);
  const how: DrawShape = {
    temperature: options.temperature ?? 1,
    topK: options.topK ?? 0,
    topP: options.topP ?? 1,
    ends: options.forbidden?.ids ?? [],
    until: options.forbidden?.after ?? 0,
    columns: numbers ? capacity : 0, // so that one program serves any number of steps
    penalty: repetition?.penalty ?? 1,
  };
  let ids: AnyTensor = tensor('i32', [batch], first);
  let seen: AnyTensor | undefined =
    how.penalty === 1 ? undefined : seenBy(repetition?.ids ?? [], batch, vocabSize);
  let placed: DeviceTensor | undefined;
  try {
    if (numbers) placed = await executor.upload(padded(numbers, batch, capacity), { signal });
    yield* inFlight(steps, signal, async (done) => {
      const inputs = {
        ids,
        step: tensor('i32', [], [done]),
        ...(placed && { numbers: placed }),
        ...(seen && { seen }),
      };
      const next: Record<string, DeviceTensor> = await step(inputs, how);
      discard(ids);
      ids = next.token;
      seen = next.seen;
      return { result: next.token.read().then(({ data }) => Array.from(data as Int32Array)) };
    });
  } finally {
    discard(ids);
    if (seen) discard(seen);
    placed?.dispose();
  }
}

/** f32 [batch vocabSize]: 1 at ids that a row holds. */
function seenBy(ids: readonly (readonly number[])[], batch: number, vocabSize: number): HostTensor<'f32'> {
  const seen = tensor('f32', [batch, vocabSize]);
  ids.forEach((row, i) => {
    for (const id of row) seen.data[i * vocabSize + id] = 1;
  });
  return seen;
}

function padded(numbers: Float32Array, batch: number, columns: number): HostTensor<'f32'> {
  const steps = numbers.length / batch;
  const out = tensor('f32', [batch, columns]);
  for (let row = 0; row < batch; row++)
    out.data.set(numbers.subarray(row * steps, (row + 1) * steps), row * columns);
  return out;
}
