import { tensor } from '@emu-ts/base';
import type { BranchOptions, Continuation } from '@emu-ts/contracts';
import type { AnyTensor, DeviceTensor } from '@emu-ts/graph';
import { discard } from '../host.js';
import type { NextBeamsAttrs } from '../next-beams/op.js';
import { floor, heldBy, named } from './continuations.js';
import type { ContinuationsShape } from './graphs.js';
import { inFlight } from './in-flight.js';

export type BranchShape = ContinuationsShape & Pick<NextBeamsAttrs, 'ends' | 'floor'>;

/** One step of a session that goes on with the best continuations. */
export type BranchStep = (
  inputs: Readonly<Record<string, AnyTensor>>,
  how: BranchShape,
) => Promise<Record<string, DeviceTensor>>;

/**
 * Beam search that waits for nothing: beams, their scores and the table of their pasts stay where the logits are, and the
 * host reads each step's continuations while the next ones run.
 *
 * @param rows the table that the first step begins with
 */
export async function* branch(
  vocabSize: number,
  rows: AnyTensor,
  { first, steps, beams, scores, count, ends, forbidden, repetition, signal }: BranchOptions,
  step: BranchStep,
): AsyncGenerator<Continuation[][], void> {
  const prompts = scores.length / beams;
  const seen = repetition && heldBy(repetition.ids, prompts, beams, steps);
  const how: BranchShape = {
    rows: scores.length,
    prompts,
    beams,
    count: Math.min(count, beams * vocabSize),
    penalty: repetition?.penalty ?? 1,
    seen: seen?.shape[2] ?? 0,
    forbidden: forbidden?.after ? forbidden.ids.length : 0,
    ends,
    floor,
  };
  const held = Math.max(...(repetition?.ids ?? []).map(({ length }) => length)); // those of a prompt that is done are fewer
  let state: Record<string, AnyTensor> = {
    ids: tensor('i32', [scores.length], first),
    rows,
    scores: tensor(
      'f32',
      [prompts, beams],
      scores.map((score) => Math.max(score, floor)),
    ),
    ...(seen && { seen }),
  };
  const free = () => Object.values(state).forEach(discard);
  try {
    yield* inFlight(steps, signal, async (index) => {
      const { score, place, ...next } = await step(
        { ...state, ...numbersOf(how, forbidden, held, index) },
        how,
      );
      free();
      state = next;
      return { result: named({ score, place }, vocabSize, {}) };
    });
  } finally {
    free();
  }
}

/** What changes from step to step and the host knows. */
function numbersOf(
  how: BranchShape,
  forbidden: BranchOptions['forbidden'],
  held: number,
  index: number,
): Record<string, AnyTensor> {
  const yet = forbidden && index < forbidden.after;
  return {
    ...(how.forbidden && {
      forbidden: tensor(
        'i32',
        [how.forbidden],
        forbidden?.ids.map((id) => (yet ? id : -1)),
      ),
    }),
    ...(how.seen && { held: tensor('i32', [], [held + index]) }),
  };
}

/** The rows that the beams of every prompt go on from, as `nextBeamsOp` takes them. */
export const parentsOf = (found: readonly (readonly Continuation[])[], how: Going): number[] =>
  goingOn(found, how).map(({ row }) => row);

/** The tokens with which they go on. */
export const tokensOf = (found: readonly (readonly Continuation[])[], how: Going): number[] =>
  goingOn(found, how).map(({ token }) => token);

type Going = Pick<BranchOptions, 'beams' | 'ends'>;

const goingOn = (found: readonly (readonly Continuation[])[], { beams, ends }: Going) =>
  found.flatMap((continuations, prompt) =>
    continuations
      .filter(({ token }) => !ends.includes(token))
      .slice(0, beams)
      .map(({ beam, token }) => ({ row: prompt * beams + beam, token })),
  );
