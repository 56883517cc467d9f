import { EmuError } from '@emu-ts/base';
import type { DecodedImage, DecodeImageOptions, RgbImage, Sequence } from '@emu-ts/contracts';
import type { AnyTensor } from '@emu-ts/graph';
import { predictImageEmbeddings } from '@emu-ts/regression-head';
import type { EmuComponents } from '../components.js';
import type { EmuEvent } from '../events.js';
import { discard, type Vision } from '../vision.js';
import { channel } from './channel.js';
import { embed, type Request } from './text.js';

export interface ImageOptions extends Omit<DecodeImageOptions, 'onPreview'> {
  /** What the picture should not show, in place of the empty prompt. */
  readonly negative?: Sequence<RgbImage> | undefined;
  /** Send previews as events, every so many steps. Default none. */
  readonly previewEvery?: number | undefined;
}

/** Predicts the embeddings of a picture one by one, then decodes it. */
export async function* replyInImage(
  components: EmuComponents,
  vision: Vision,
  { sequence, warnings }: Request,
  options: ImageOptions,
): AsyncGenerator<EmuEvent, void> {
  const { input, output, condition } = yield* draw(components, vision, sequence, options);
  discard(condition);
  options.signal?.throwIfAborted();
  yield { type: 'finish', reason: 'image', usage: { input, output }, warnings };
}

export interface Drawing {
  readonly image: DecodedImage;
  /** f32 `[rows queries width]`: what the picture was made of, and what it should not show. Whoever takes it disposes it. */
  readonly condition: AnyTensor;
  readonly input: number;
  readonly output: number;
}

/** Draws the picture that a sequence ends by asking for, telling how far it is and then giving it. */
export async function* draw(
  components: EmuComponents,
  vision: Vision,
  sequence: Sequence<RgbImage>,
  options: ImageOptions,
): AsyncGenerator<EmuEvent, Drawing> {
  const events = channel<EmuEvent>();
  const drawing = drawSequence(components, vision, sequence, options, events.push);
  drawing.then(events.end, events.end);
  let taken = false;
  try {
    yield* events;
    const drawn = await drawing;
    options.signal?.throwIfAborted();
    yield { type: 'image', image: drawn.image };
    taken = true;
    return drawn;
  } finally {
    if (!taken)
      drawing.then(
        ({ condition }) => discard(condition),
        () => {}, // whoever reads on hears of it
      );
  }
}

async function drawSequence(
  components: EmuComponents,
  vision: Vision,
  sequence: Sequence<RgbImage>,
  { negative = [], onProgress, previewEvery, ...options }: ImageOptions,
  emit: (event: EmuEvent) => void,
): Promise<Drawing> {
  const { imageDecoder: decoder, languageModel, regressionHead, causalTransformer, format } = components;
  if (!decoder) {
    throw new EmuError(
      'NO_DECODER',
      'A picture was asked for, but this model was loaded without an image decoder.',
      {
        hint: 'The checkpoint needs unet/ and vae/.',
      },
    );
  }
  const { signal } = options;
  const guidanceScale = options.guidanceScale ?? decoder.defaults?.guidanceScale ?? 7.5;
  const guided = guidanceScale > 1 && decoder.nullCondition === 'empty-prompt';
  const last = sequence[sequence.length - 1];
  const rows = guided ? [sequence, [...negative, last]] : [sequence];
  const encode = { contextLength: languageModel.contextLength, reserve: causalTransformer.queries - 1 };
  const encoded = rows.map((row) => format.encode(row, encode));
  const images = encoded.flatMap((row) => row.images);
  using seen = await vision.see(images, 'torchvision', { signal, onProgress });
  const ids = encoded.map((row) => row.ids);
  using prompts = await embed(components, ids, seen.embeddings, { signal });
  const { embeddings: condition } = await predictImageEmbeddings(languageModel, regressionHead, {
    prompts,
    queries: causalTransformer.queries,
    signal,
    onProgress: (progress) => {
      onProgress?.(progress);
      emit({ type: 'image-progress', phase: 'embed', step: progress.loaded, steps: progress.total });
    },
  });
  try {
    const [image] = await decoder.decode(condition, {
      ...options,
      onProgress: (progress) => {
        onProgress?.(progress);
        emit({ type: 'image-progress', phase: progress.phase, step: progress.loaded, steps: progress.total });
      },
      ...(previewEvery
        ? { previewEvery, onPreview: (preview) => emit({ type: 'image-preview', preview }) }
        : {}),
    });
    return { image, condition, input: ids[0].length, output: causalTransformer.queries };
  } catch (error) {
    discard(condition);
    throw error;
  }
}
