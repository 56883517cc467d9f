import { type CallOptions, type HostTensor, ShapeError, tensor } from '@emu-ts/base';
import type { Continuation, ContinuationsOptions } from '@emu-ts/contracts';
import type { AnyTensor, DeviceTensor } from '@emu-ts/graph';
import { discard } from '../host.js';
import { type ContinuationsShape, continuationsGraph, type GraphSettings, type RunGraph } from './graphs.js';

/** Shaders know no infinity: a score below this is of a token that is forbidden, or of a beam that went on with one. */
const dead = -1e29;

/** The least score that a beam is given. */
export const floor = 10 * dead;

/** Chooses the best continuations of every prompt's beams where the logits are, and reads those alone. */
export async function continuations(
  settings: GraphSettings,
  hidden: AnyTensor,
  { scores, beams, count, forbidden = [], repetition, signal }: ContinuationsOptions,
  run: RunGraph,
): Promise<Continuation[][]> {
  const { vocabSize } = settings.model;
  const [rows] = hidden.shape;
  const prompts = scores.length / beams;
  if (!Number.isInteger(prompts) || (rows !== scores.length && rows !== prompts))
    throw new ShapeError(
      `continuations: ${scores.length} scores for ${beams} beams a prompt do not fit ${rows} rows of hidden states.`,
    );
  const seen = repetition && heldBy(repetition.ids, prompts, beams);
  const shape: ContinuationsShape = {
    rows,
    prompts,
    beams,
    count: Math.min(count, beams * vocabSize),
    penalty: repetition?.penalty ?? 1,
    seen: seen?.shape[2] ?? 0,
    forbidden: forbidden.length,
  };
  const floored = scores.map((score) => Math.max(score, floor));
  const chosen = await run(
    `continuations ${JSON.stringify(shape)}`,
    () => continuationsGraph(settings, shape),
    {
      hidden,
      scores: tensor('f32', [prompts, beams], floored),
      ...(seen && { seen }),
      ...(forbidden.length ? { forbidden: tensor('i32', [forbidden.length], forbidden) } : {}),
    },
  );
  return named(chosen, vocabSize, { signal });
}

/** Reads the op's scores and places as continuations of every prompt, and frees them as soon as their copies are under way. */
export async function named(
  { score, place }: Readonly<Record<string, DeviceTensor>>,
  vocabSize: number,
  options: CallOptions,
): Promise<Continuation[][]> {
  const [prompts, count] = score.shape;
  const reading = Promise.all([score.read(options), place.read(options)]);
  discard(score);
  discard(place);
  const [scores, places] = await reading;
  return Array.from({ length: prompts }, (_, prompt) =>
    Array.from({ length: count }, (_, i) => {
      const at = Number(places.data[prompt * count + i]);
      const found = Number(scores.data[prompt * count + i]);
      return {
        beam: Math.floor(at / vocabSize),
        token: at % vocabSize,
        score: found < dead ? Number.NEGATIVE_INFINITY : found,
      };
    }),
  );
}

/**
 * Ids of every beam, of which there may be `more`, and −1 behind them: i32 [prompts beams n], where n is a power of two, so
 * that few programs serve all.
 */
export function heldBy(
  ids: readonly (readonly number[])[],
  prompts: number,
  beams: number,
  more = 0,
): HostTensor<'i32'> {
  const longest = Math.max(16, ...ids.map(({ length }) => length + more));
  const n = 2 ** Math.ceil(Math.log2(longest));
  const held = tensor('i32', [prompts, beams, n]);
  held.data.fill(-1);
  ids.forEach((row, i) => {
    held.data.set(row, i * n);
  });
  return held;
}
