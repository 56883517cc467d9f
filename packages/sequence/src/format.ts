import type { SequenceFormat, Tokenizer } from '@emu-ts/contracts';
import { encodeSequence } from './encode.js';
import { type RenderOptions, renderPrompt } from './render.js';
import { trainingTargets } from './targets.js';
import { sequenceTokens } from './tokens.js';

/**
 * The format of Emu under a tokenizer.
 *
 * @throws SequenceError `SPECIAL_TOKEN` when the tokenizer lacks the image tokens.
 */
export function emuFormat(tokenizer: Tokenizer, { queries }: RenderOptions): SequenceFormat {
  const tokens = sequenceTokens(tokenizer);
  return {
    queries,
    render: (sequence) => renderPrompt(sequence, { queries }),
    encode: (sequence, options) => encodeSequence(tokenizer, sequence, { ...options, queries }),
    targets: (ids, options) => trainingTargets(ids, tokens, { ...options, queries }),
  };
}
