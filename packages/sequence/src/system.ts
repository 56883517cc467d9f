import type { Sequence } from '@emu-ts/contracts';

/** What the instruction-tuned model is told first. `[IMG]` and `[/IMG]` in it are special tokens, as in training. */
export const systemMessages = {
  image:
    'You will be presented with an image: [IMG]ImageContent[/IMG]. You will be able to see the image after I provide it to you. Please answer my questions based on the given image.',
  video:
    'You are a helpful assistant and you will be presented with a video consisting of multiple chronological images: [IMG]ImageContent[/IMG]. You will be able to see the video after I provide it to you. Please answer my questions based on the given video.',
  none: '',
} as const;

export type SystemKind = keyof typeof systemMessages;

/**
 * The system message that suits a content: for one image, for one video, or none. Several images take none: they are
 * told apart by interleaved text.
 */
export function systemFor(content: Sequence<unknown>): SystemKind {
  const seen = content.map(({ type }) => type).filter((type) => type === 'image' || type === 'video');
  return seen.length === 1 ? (seen[0] as SystemKind) : 'none';
}
