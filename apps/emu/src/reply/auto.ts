import type { CallOptions } from '@emu-ts/base';
import type { RgbImage, Sequence } from '@emu-ts/contracts';
import type { AnyTensor } from '@emu-ts/graph';
import { Past, stream } from '@emu-ts/language-model';
import type { EmuComponents } from '../components.js';
import type { EmuEvent } from '../events.js';
import { discard, type Vision } from '../vision.js';
import { draw, type ImageOptions } from './image.js';
import { embed, idOf, type Request, type TextOptions, tokenIds } from './text.js';

export interface AutoOptions extends CallOptions {
  readonly text: TextOptions;
  readonly image: ImageOptions;
  /** At most so many pictures in one reply. Default 4. */
  readonly maxImages?: number | undefined;
}

/**
 * A reply in words and pictures: whenever the model opens an image where a token was expected, a picture is drawn, put
 * into the sequence as the embeddings it was made of, and the words go on after it. The pretrained model was never
 * taught to open one; a model trained with `[IMG]` supervised is.
 */
export async function* replyInBoth(
  components: EmuComponents,
  vision: Vision,
  { sequence, warnings }: Request,
  { text, image, maxImages = 4, signal, onProgress }: AutoOptions,
): AsyncGenerator<EmuEvent, void> {
  const { format, languageModel, tokenizer } = components;
  const { queries } = components.causalTransformer;
  const [open, close, slot] = (['imageOpen', 'imageClose', 'image'] as const).map((name) =>
    idOf(components, name),
  );
  const tokens = tokenIds(components);
  const encoded = format.encode(sequence, { contextLength: languageModel.contextLength, reserve: 1 });
  using seen = await vision.see(encoded.images, 'pil', { signal, onProgress });
  using drawn = new Drawn();
  using own = new Past(); // words go on after a picture without reading what came before it again
  let ids = [...encoded.ids];
  let written = 0;
  let said: Sequence<RgbImage> = sequence;
  const limit = text.maxNewTokens ?? 128;
  for (let images = 0; ; images++) {
    const counts = [...seen.embeddings.map(() => queries), ...drawn.conditions.map(() => queries)];
    using prompt = await embed(components, [ids], [...seen.embeddings, ...drawn.conditions], {
      counts,
      signal,
    });
    const decoder = tokenizer.decoder();
    const fresh: number[] = [];
    const end = images < maxImages && components.imageDecoder ? [tokens.end as number, open] : tokens.end;
    let last: number | undefined; // the end token, where there was one
    for await (const event of stream(languageModel, prompt, {
      past: own,
      ...text,
      beams: 1,
      maxNewTokens: limit - written,
      tokens: { ...tokens, end },
      signal,
      onProgress,
    })) {
      if (event.type === 'token') {
        fresh.push(event.token);
        const delta = decoder.push(event.token);
        if (delta) yield { type: 'text-delta', text: delta };
      } else if (event.generated.finishReason === 'stop') last = event.generated.ids.at(-1);
    }
    const rest = decoder.flush();
    if (rest) yield { type: 'text-delta', text: rest };
    written += fresh.length;
    if (last !== open) {
      const reason = last === tokens.end ? 'end' : 'length';
      yield { type: 'finish', reason, usage: { input: encoded.ids.length, output: written }, warnings };
      return;
    }
    said = [...said, { type: 'text', text: tokenizer.decode(fresh) }];
    const drawing = yield* draw(components, vision, [...said, { type: 'generate' }], {
      ...image,
      signal,
      onProgress,
    });
    said = [...said, { type: 'image', image: drawing.image }];
    ids = [...ids, ...fresh, open, ...new Array<number>(queries).fill(slot), close];
    drawn.conditions.push(drawing.condition);
    written += queries;
  }
}

/** What pictures were made of: the first row of each is the embeddings, others are of guidance. */
class Drawn implements Disposable {
  readonly conditions: AnyTensor[] = [];

  [Symbol.dispose](): void {
    for (const condition of this.conditions) discard(condition);
  }
}
