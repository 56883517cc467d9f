import type {
  EndElement,
  GenerateElement,
  ImageElement,
  Role,
  RoleElement,
  Sequence,
  TextElement,
  VideoElement,
} from '@emu-ts/contracts';

export const text = (text: string): TextElement => ({ type: 'text', text });
export const image = <I>(image: I): ImageElement<I> => ({ type: 'image', image });
/** @param frames in time order, one image place each. */
export const video = <I>(frames: readonly I[]): VideoElement<I> => ({ type: 'video', frames });
export const role = (role: Role): RoleElement => ({ type: 'role', role });
export const end: EndElement = { type: 'end' };
export const generate: GenerateElement = { type: 'generate' };

/** The images of a sequence, frames of videos among them, in the order of their places. */
export const imagesOf = <I>(sequence: Sequence<I>): I[] =>
  sequence.flatMap((element) => {
    if (element.type === 'image') return [element.image];
    return element.type === 'video' ? [...element.frames] : [];
  });

/** The same sequence with every image replaced, such as a path by pixels. */
export const mapImages = <I, J>(sequence: Sequence<I>, replace: (image: I) => J): Sequence<J> =>
  sequence.map((element) => {
    if (element.type === 'image') return image(replace(element.image));
    return element.type === 'video' ? video(element.frames.map(replace)) : element;
  });

/** Whether anybody speaks: then the sequence is laid out by the instruction template. */
export const hasRoles = (sequence: Sequence<unknown>): boolean =>
  sequence.some((element) => element.type === 'role');
