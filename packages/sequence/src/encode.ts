import type { EncodedSequence, Sequence, SequenceEncodeOptions, Tokenizer } from '@emu-ts/contracts';
import { imagesOf } from './elements.js';
import { SequenceError } from './error.js';
import { type RenderOptions, renderPrompt } from './render.js';
import { imageRuns } from './runs.js';
import { sequenceTokens } from './tokens.js';

/**
 * A sequence as token ids and places for its images. The prompt string is tokenised as a whole: whitespace beside
 * special tokens goes or stays as the tokenizer has it.
 *
 * @throws SequenceError `IMAGE_COUNT` when the text itself holds `<image>`, `CONTEXT_LENGTH` when it is too long,
 * `SEQUENCE` when `generate` is not last.
 */
export function encodeSequence<I>(
  tokenizer: Tokenizer,
  sequence: Sequence<I>,
  {
    queries,
    eos = false,
    contextLength = Number.POSITIVE_INFINITY,
    reserve = 0,
  }: RenderOptions & SequenceEncodeOptions,
): EncodedSequence<I> {
  const text = renderPrompt(sequence, { queries });
  const images = imagesOf(sequence);
  const ids = tokenizer.encode(text, { eos });
  const imageSlots = imageRuns(ids, sequenceTokens(tokenizer), queries);
  if (imageSlots.length !== images.length) {
    throw new SequenceError(
      'IMAGE_COUNT',
      `The prompt has places for ${imageSlots.length} images, but ${images.length} were given.`,
      { got: images.length, wanted: imageSlots.length, hint: 'Its text must not hold image placeholders.' },
    );
  }
  if (ids.length + reserve > contextLength) {
    const kept = reserve > 0 ? ` and ${reserve} more are reserved` : '';
    throw new SequenceError(
      'CONTEXT_LENGTH',
      `The prompt takes ${ids.length} positions${kept}; the context has ${contextLength}.`,
      { got: ids.length + reserve, wanted: contextLength, hint: 'Shorten the text or give fewer images.' },
    );
  }
  return { ids, imageSlots, images, text };
}
