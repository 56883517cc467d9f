/**
 * The prompts of the reference and of the paper's evaluation, as data. `{name}` is a place for a value. Spaces and
 * capitals matter: scores depend on them.
 */
import type { Sequence, SequenceElement } from '@emu-ts/contracts';
import { chat } from './chat.js';
import { generate, text } from './elements.js';
import { SequenceError } from './error.js';
import { type SystemKind, systemMessages } from './system.js';

/** For the pretrained model: plain text. With `generates`, it asks for an image. */
export interface BasePrompt {
  readonly model: 'base';
  readonly text: string;
  readonly generates?: true;
}

/** For the instruction-tuned model: one turn, and the words its answer has to begin with. */
export interface InstructPrompt {
  readonly model: 'instruct';
  readonly system: SystemKind;
  readonly user: string;
  readonly answer?: string;
}

export type Prompt = BasePrompt | InstructPrompt;

const shortAnswer =
  '{image} based on the content of the image and common sense, please provide an accurate answer consisting of only one word or phrase. {question}';

export const prompts = {
  /** Caption, as in the demo. */
  caption: {
    model: 'instruct',
    system: 'image',
    user: '{image}Please provide an accurate and concise description of the given image.',
    answer: 'The image depicts a photo of',
  },
  /** Caption, as in the COCO evaluation. */
  cocoCaption: {
    model: 'instruct',
    system: 'image',
    user: '{image} please provide an accurate and concise description of the given image.',
    answer: 'the image depicts a photo of',
  },
  /** VQAv2, OKVQA and VizWiz. */
  shortAnswer: { model: 'instruct', system: 'image', user: shortAnswer, answer: 'the answer is:' },
  /** VizWiz: whether the question can be answered; the answer is constrained to `yes.` or `no.`. */
  answerability: { model: 'instruct', system: 'image', user: `${shortAnswer}, is the answer known?` },
  /** MM-Vet, and questions to an image in general. */
  question: { model: 'instruct', system: 'image', user: '{image}{question}' },
  videoQuestion: { model: 'instruct', system: 'video', user: '{video}{question}' },
  /** Zero-shot caption by the pretrained model; the first step of its zero-shot answers. */
  zeroShotCaption: { model: 'base', text: '{image} describing the image in detail. the image shows' },
  /** Second step: the answer from the caption alone. */
  zeroShotAnswer: {
    model: 'base',
    text: 'a picture of {caption}. based on the picture, {question} short answer:',
  },
  textToImage: { model: 'base', text: '{caption}', generates: true },
  /** Two images combined by an instruction such as `The animal in the first image: `. */
  inContextGeneration: {
    model: 'base',
    text: 'This is the first image: {first}This is the second image: {second}{instruction}',
    generates: true,
  },
} as const satisfies Record<string, Prompt>;

/** A text, or an element such as `image(pixels)` or `video(frames)`. */
export type PromptValue<I> = string | SequenceElement<I>;

/**
 * The sequence of a prompt, its places filled.
 *
 * @throws SequenceError `PROMPT_VALUE` when a place has no value or a value no place.
 */
export function fillPrompt<I>(prompt: Prompt, values: Readonly<Record<string, PromptValue<I>>>): Sequence<I> {
  const template = prompt.model === 'base' ? prompt.text : prompt.user;
  checkValues(template, Object.keys(values));
  const parts = template.split(/\{(\w+)\}/).map((part, i) => (i % 2 ? values[part] : part));
  const content = parts
    .filter((part) => part !== '')
    .map((part): SequenceElement<I> => (typeof part === 'string' ? text(part) : part));
  if (prompt.model === 'base') return prompt.generates ? [...content, generate] : content;
  const { system, answer } = prompt;
  return chat(
    [
      { role: 'system', content: systemMessages[system] },
      { role: 'user', content },
      ...(answer ? [{ role: 'assistant' as const, content: answer }] : []),
    ],
    { continueLast: true },
  );
}

function checkValues(template: string, given: readonly string[]): void {
  const wanted = [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const odd = wanted.find((name) => !given.includes(name)) ?? given.find((name) => !wanted.includes(name));
  if (odd === undefined) return;
  throw new SequenceError(
    'PROMPT_VALUE',
    `The prompt has places for ${wanted.join(', ')}, but the values given are ${given.join(', ') || 'none'}.`,
    { got: given.join(', '), wanted: wanted.join(', '), path: odd },
  );
}
