import type { TargetOptions, TrainingTargets } from '@emu-ts/contracts';
import { SequenceError } from './error.js';
import type { RenderOptions } from './render.js';
import { imageRuns } from './runs.js';
import type { SequenceTokens } from './tokens.js';

/** The label of a position that nothing is asked of. */
export const ignoredLabel = -100;

/**
 * What one row of ids is trained on, as the reference trains.
 *
 * Text: the ids themselves, without padding, `[IMG]`, `<image>` and `[/IMG]`. The label at i is predicted from i − 1, so
 * the text after an image is predicted from `[/IMG]`, the end of sequence is supervised and the beginning is not.
 * Images: the hidden states at `[IMG]` and at every `<image>` regress the input embedding one position later, which is
 * queries + 1 pairs per image, the last one ending at `[/IMG]`.
 *
 * @param ids one row `[length]`; padding may stand on either side.
 * @throws SequenceError `IMAGE_COUNT` for an image of another length, `SPECIAL_TOKEN` when answers are asked for and the
 * tokenizer has no roles.
 */
export function trainingTargets(
  ids: ArrayLike<number>,
  tokens: SequenceTokens,
  { queries, answersOnly = false, superviseImageOpen = false }: RenderOptions & TargetOptions,
): TrainingTargets {
  const asked = answersOnly ? answers(ids, tokens) : () => true;
  const structural = new Set([tokens.pad, tokens.imageOpen, tokens.image, tokens.imageClose]);
  const labels = Int32Array.from(ids, (id, at) => (structural.has(id) || !asked(at) ? ignoredLabel : id));
  const inputs: number[] = [];
  for (const start of imageRuns(ids, tokens, queries)) {
    const open = start - 1;
    if (!asked(open)) continue;
    if (superviseImageOpen) labels[open] = tokens.imageOpen;
    for (let at = open; at < start + queries; at++) inputs.push(at);
  }
  return {
    labels,
    regressionInputs: Int32Array.from(inputs),
    regressionLabels: Int32Array.from(inputs, (at) => at + 1),
  };
}

/** Which positions the assistant speaks: from after `[ASSISTANT]` and its colon to the end of the turn, included. */
function answers(ids: ArrayLike<number>, { chat, colon, eos, pad }: SequenceTokens): (at: number) => boolean {
  if (!chat) {
    throw new SequenceError(
      'SPECIAL_TOKEN',
      'Only answers are to be supervised, but the tokenizer has no [USER] and [ASSISTANT].',
      { got: 'a tokenizer without roles', wanted: '[USER] and [ASSISTANT]' },
    );
  }
  const spoken = new Uint8Array(ids.length);
  let speaking = false;
  for (let at = 0; at < ids.length; at++) {
    if (ids[at] === chat.assistant) {
      speaking = true;
      if (colon.every((id, i) => ids[at + 1 + i] === id)) at += colon.length;
    } else if (ids[at] === chat.user || ids[at] === pad) speaking = false;
    else if (speaking) {
      spoken[at] = 1;
      speaking = ids[at] !== eos;
    }
  }
  return (at) => spoken[at] === 1;
}

/**
 * Labels moved to where they are predicted: `[length]`, at i the label of i + 1, nothing at the last position. For
 * losses that compare logits and labels position by position.
 */
export const shiftLabels = (labels: Int32Array): Int32Array =>
  Int32Array.from(labels, (_, at) => labels[at + 1] ?? ignoredLabel);
