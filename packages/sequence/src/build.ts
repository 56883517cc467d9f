import type { Sequence } from '@emu-ts/contracts';
import { generate, image, text, video } from './elements.js';

/** Which of a text and its image comes first. */
export type PairOrder = 'image-first' | 'text-first';

/** A text, an image, or both. */
export interface Part<I> {
  readonly text?: string | undefined;
  readonly image?: I | undefined;
}

/** An image and its caption, as in pretraining. */
export const pair = <I>(image: I, caption: string, order: PairOrder = 'image-first'): Sequence<I> =>
  layPart({ image, text: caption }, order);

/**
 * An interleaved document. The order may differ from part to part: pretraining draws it at random for each image.
 */
export const interleaved = <I>(
  parts: readonly Part<I>[],
  order: PairOrder | ((part: number) => PairOrder) = 'image-first',
): Sequence<I> => parts.flatMap((part, i) => layPart(part, typeof order === 'string' ? order : order(i)));

/** A video, its frames already chosen (`frameIndices`), and what is said about it. */
export const videoSequence = <I>(frames: readonly I[], caption: string): Sequence<I> => [
  video(frames),
  ...layPart<I>({ text: caption }, 'image-first'),
];

/**
 * Examples and then the query, put one after the other: the pretrained model has no template. A query without text
 * leaves the whole answer to the model; examples without images are the text-only ones of the zero-shot protocol.
 */
export const fewShot = <I>(examples: readonly Part<I>[], query: Part<I>): Sequence<I> =>
  interleaved([...examples, query]);

/** Asks for an image of a text. */
export const textToImage = <I = never>(prompt: string): Sequence<I> => [
  ...layPart<I>({ text: prompt }, 'text-first'),
  generate,
];

/** Asks for an image between images: nothing but the images. */
export const blend = <I>(images: readonly I[]): Sequence<I> => [...images.map((one) => image(one)), generate];

/** Asks for an image after images that texts introduce, such as `This is the first image: `. */
export const inContextGeneration = <I>(examples: readonly Part<I>[], instruction: string): Sequence<I> => [
  ...interleaved(examples, 'text-first'),
  ...textToImage<I>(instruction),
];

function layPart<I>(part: Part<I>, order: PairOrder): Sequence<I> {
  const words = part.text ? [text(part.text)] : [];
  const picture: Sequence<I> = part.image === undefined ? [] : [image(part.image)];
  return order === 'image-first' ? [...picture, ...words] : [...words, ...picture];
}
