import type { CallOptions } from '@emu-ts/base';
import type { RgbImage, Sequence } from '@emu-ts/contracts';
import { checkPrompt } from '@emu-ts/sequence';
import type { EmuComponents } from '../components.js';
import type { EmuEvent } from '../events.js';
import type { Vision } from '../vision.js';
import { replyInBoth } from './auto.js';
import { type ImageOptions, replyInImage } from './image.js';
import { replyInText, type TextOptions } from './text.js';

export interface ReplySettings extends CallOptions {
  readonly output: 'text' | 'image' | 'auto';
  readonly text: TextOptions;
  readonly image: ImageOptions;
  readonly maxImages?: number | undefined;
}

/** Answers a sequence in words, with a picture, or with whatever the model goes on to make. */
export async function* reply(
  components: EmuComponents,
  vision: Vision,
  given: Sequence<RgbImage>,
  settings: ReplySettings,
): AsyncGenerator<EmuEvent, void> {
  const { output, text, image, signal, onProgress } = settings;
  const sequence: Sequence<RgbImage> = output === 'image' ? [...given, { type: 'generate' }] : given;
  const warnings = checkPrompt(sequence, components.variant).map(({ message }) => message);
  const request = { sequence, warnings };
  const call = { signal, onProgress };
  if (output === 'text') yield* replyInText(components, vision, request, { ...text, ...call });
  else if (output === 'image') yield* replyInImage(components, vision, request, { ...image, ...call });
  else yield* replyInBoth(components, vision, request, settings);
}
