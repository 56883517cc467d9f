import type { Sequence, SequenceElement } from '@emu-ts/contracts';
import type { Draws } from '../draws.js';

export interface CropOptions<I> {
  /** Longest sequence that is kept, in the units of `lengthOf`, such as tokens. */
  readonly max: number;
  /** How long an element is: the tokens of a text, the places of an image. */
  readonly lengthOf: (element: SequenceElement<I>) => number;
}

/**
 * A run of whole elements no longer than `max`, at random among those that cannot be longer: documents are cut so in
 * pretraining. Empty where every element is too long by itself.
 */
export function cropSequence<I>(
  sequence: Sequence<I>,
  { max, lengthOf }: CropOptions<I>,
  draws: Draws,
): Sequence<I> {
  const lengths = sequence.map(lengthOf);
  const runs: (readonly [from: number, to: number])[] = [];
  let to = 0;
  let total = 0;
  for (let from = 0; from < sequence.length; from++) {
    if (to < from) [to, total] = [from, 0];
    while (to < sequence.length && total + lengths[to] <= max) total += lengths[to++];
    // A run within the last one is no run of its own.
    if (to > from && to > (runs.at(-1)?.[1] ?? 0)) runs.push([from, to]);
    if (to > from) total -= lengths[from];
  }
  return runs.length === 0 ? [] : sequence.slice(...draws.pick(runs));
}
