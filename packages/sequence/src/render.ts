/**
 * Sequences as prompt strings, the way the reference writes them. The tokenizer works on the whole string, so the string
 * comes first and the positions of the images are read off the ids.
 */
import { strip } from '@emu-ts/base';
import { emuTokens, type Sequence, type SequenceElement } from '@emu-ts/contracts';
import { hasRoles, image, text } from './elements.js';
import { SequenceError } from './error.js';

/** The token that ends a finished turn or document, as LLaMA's model file spells it. */
const endToken = '</s>';
/** Where an image goes in a marked prompt. */
export const imageMarker = '[<IMG_PLH>]';

export interface RenderOptions {
  /** Embeddings per image: how many `<image>` stand for one. */
  readonly queries: number;
}

/** What stands for one image: `[IMG]`, `<image>` × queries, `[/IMG]`. */
export const imagePlaceholder = (queries: number): string =>
  `${emuTokens.imageOpen}${emuTokens.image.repeat(queries)}${emuTokens.imageClose}`;

/**
 * The prompt string of a sequence. With roles it follows the instruction template, `{system} [USER]: {content}
 * [ASSISTANT]: {answer}</s>`, stripped at both ends; without, it is plain concatenation.
 *
 * @throws SequenceError `SEQUENCE` when `generate` is not the last element.
 */
export function renderPrompt(sequence: Sequence<unknown>, { queries }: RenderOptions): string {
  const opened = sequence.findIndex(({ type }) => type === 'generate');
  if (opened >= 0 && opened < sequence.length - 1) {
    throw new SequenceError(
      'SEQUENCE',
      `The image to generate is element ${opened} of ${sequence.length}; it has to be the last.`,
      { got: opened, wanted: sequence.length - 1 },
    );
  }
  const placeholder = imagePlaceholder(queries);
  const prompt = sequence.map((element) => renderElement(element, placeholder)).join('');
  return hasRoles(sequence) ? strip(prompt) : prompt;
}

function renderElement(element: SequenceElement<unknown>, placeholder: string): string {
  switch (element.type) {
    case 'text':
      return element.text;
    case 'image':
      return placeholder;
    case 'video':
      return placeholder.repeat(element.frames.length);
    case 'role':
      return element.role === 'system' ? '' : ` ${emuTokens[element.role]}: `;
    case 'end':
      return endToken;
    case 'generate':
      return emuTokens.imageOpen;
  }
}

/**
 * The sequence of a prompt string whose images are marked, by `[<IMG_PLH>]` or by whole placeholders.
 *
 * @throws SequenceError `IMAGE_COUNT` when there are more or fewer images than marks.
 */
export function parsePrompt<I>(
  prompt: string,
  images: readonly I[],
  { queries }: RenderOptions,
): Sequence<I> {
  const parts = prompt.split(imageMarker).flatMap((part) => part.split(imagePlaceholder(queries)));
  if (parts.length - 1 !== images.length) {
    throw new SequenceError(
      'IMAGE_COUNT',
      `The prompt marks ${parts.length - 1} images, but ${images.length} were given.`,
      { got: images.length, wanted: parts.length - 1 },
    );
  }
  return parts.flatMap((part, i) => [
    ...(i > 0 ? [image(images[i - 1])] : []),
    ...(part === '' ? [] : [text(part)]),
  ]);
}
