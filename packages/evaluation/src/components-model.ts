import { type CallOptions, EmuError, type HostTensor, tensor } from '@emu-ts/base';
import {
  type CausalTransformer,
  emuTokens,
  type ImageDecoder,
  type LanguageModel,
  type RegressionHead,
  type RgbImage,
  type Sequence,
  type SequenceFormat,
  type Tokenizer,
  type VisualEncoder,
} from '@emu-ts/contracts';
import type { SampleForm } from '@emu-ts/data';
import { embedPrompts, generate, type Prompt } from '@emu-ts/language-model';
import { preprocess } from '@emu-ts/media';
import { generateImageEmbeddings } from '@emu-ts/regression-head';
import { generate as opened } from '@emu-ts/sequence';
import type { ModelReply, ReplyOptions, ShapesModel } from './model.js';

/** The parts of an Emu; `Emu.components` is one such. */
export interface ModelComponents {
  readonly tokenizer: Tokenizer;
  readonly format: SequenceFormat;
  readonly visualEncoder: VisualEncoder;
  readonly causalTransformer: CausalTransformer;
  readonly languageModel: LanguageModel;
  readonly regressionHead: RegressionHead;
  readonly imageDecoder?: ImageDecoder | undefined;
}

export interface ComponentsModelOptions {
  readonly form: SampleForm;
  /** Denoising steps; by default the decoder's. */
  readonly steps?: number | undefined;
  /** Default the decoder's. */
  readonly guidanceScale?: number | undefined;
  /** Pictures drawn for each that is judged; default the decoder's. */
  readonly candidates?: number | undefined;
  /** One of the decoder's schedulers. */
  readonly scheduler?: string | undefined;
}

/** A prompt as ids, or why it cannot be one. */
interface Row {
  readonly at: number;
  readonly ids: readonly number[];
  readonly images: readonly RgbImage[];
}

/**
 * A model of components that answers many prompts in one batch: words greedily, at most one picture per reply. It is
 * given to `evaluateShapes`; the components stay the caller's.
 */
export class ComponentsModel implements ShapesModel {
  constructor(
    readonly components: ModelComponents,
    readonly options: ComponentsModelOptions,
  ) {}

  get form(): SampleForm {
    return this.options.form;
  }

  async reply(prompts: readonly Sequence<RgbImage>[], options: ReplyOptions): Promise<ModelReply[]> {
    const replies: ModelReply[] = prompts.map(() => ({}));
    const { queries } = this.components.causalTransformer;
    const rows = this.#encode(prompts, replies, options.wanted === 'image' ? queries - 1 : 1);
    if (rows.length === 0) return replies;
    const visual = await this.#see(rows, options);
    if (options.wanted === 'image') {
      const images = await this.#draw(rows, visual, options);
      for (const [i, { at }] of rows.entries()) replies[at] = { images: [images[i]] };
      return replies;
    }
    const texts = await this.#write(rows, visual, options);
    for (const [i, { at }] of rows.entries()) replies[at] = { text: texts[i].text };
    if (options.wanted === 'both') await this.#drawOpened(rows, visual, texts, replies, options);
    return replies;
  }

  #encode(prompts: readonly Sequence<RgbImage>[], replies: ModelReply[], reserve: number): Row[] {
    const { format, languageModel } = this.components;
    return prompts.flatMap((prompt, at) => {
      try {
        const { contextLength } = languageModel;
        const { ids, images } = format.encode(prompt, { contextLength, reserve });
        return [{ at, ids, images }];
      } catch (error) {
        if (!(error instanceof EmuError) || error.code !== 'CONTEXT_LENGTH') throw error;
        replies[at] = { refused: error.message };
        return [];
      }
    });
  }

  /** Image embeddings `[images · queries, width]` of all rows, every picture seen once. */
  async #see(rows: readonly Row[], options: CallOptions): Promise<HostTensor<'f32'>> {
    const { queries, outputWidth } = this.components.causalTransformer;
    const images = rows.flatMap((row) => row.images);
    const different = [...new Set(images)];
    const embedded = new Map<RgbImage, Float32Array>();
    for (let from = 0; from < different.length; from += chunk) {
      const some = different.slice(from, from + chunk);
      const data = await this.#embed(some, options);
      const size = queries * outputWidth;
      for (const [i, image] of some.entries()) embedded.set(image, data.subarray(i * size, (i + 1) * size));
    }
    const out = tensor('f32', [images.length * queries, outputWidth]);
    for (const [i, image] of images.entries())
      out.data.set(embedded.get(image) as Float32Array, i * queries * outputWidth);
    return out;
  }

  /** Always `chunk` pictures, the last ones blank where there are fewer: one program serves all. */
  async #embed(images: readonly RgbImage[], { signal }: CallOptions): Promise<Float32Array> {
    const { visualEncoder, causalTransformer } = this.components;
    const size = visualEncoder.imageSize;
    const pixels = tensor('f32', [chunk, 3, size, size]);
    for (const [i, image] of images.entries())
      pixels.data.set(preprocess(image, { size, arithmetic: 'pil' }).data, i * 3 * size * size);
    using features = await visualEncoder.encode(pixels, { signal });
    using embeddings = await causalTransformer.embed(features, { signal });
    return (await embeddings.read({ signal })).data as Float32Array;
  }

  #prompt(
    ids: readonly (readonly number[])[],
    visual: HostTensor<'f32'>,
    { signal }: CallOptions,
  ): Promise<Prompt> {
    const seen = { token: this.#id('image'), embeddings: visual };
    return embedPrompts(this.components.languageModel, ids, {
      pad: this.#id('pad'),
      visual: visual.shape[0] > 0 ? seen : undefined,
      signal,
    });
  }

  async #write(
    rows: readonly Row[],
    visual: HostTensor<'f32'>,
    { maxNewTokens, wanted, signal }: ReplyOptions,
  ): Promise<Written[]> {
    const { tokenizer, languageModel } = this.components;
    const prompt = await this.#prompt(
      rows.map(({ ids }) => ids),
      visual,
      { signal },
    );
    const open = this.#id('imageOpen');
    const end = wanted === 'both' ? [tokenizer.eosId, open] : tokenizer.eosId;
    const tokens = { begin: tokenizer.bosId, end, pad: this.#id('pad') };
    const found = await generate(languageModel, prompt, { tokens, maxNewTokens, signal });
    return found.map(([{ ids }]) => ({
      ids: ids.slice(1),
      text: tokenizer.decode(ids),
      opens: ids.at(-1) === open,
    }));
  }

  /** One picture for every row. The unconditioned prompt is read beside them. */
  async #draw(
    rows: readonly Pick<Row, 'ids'>[],
    visual: HostTensor<'f32'>,
    { seed, signal }: ReplyOptions,
  ): Promise<readonly RgbImage[]> {
    const { imageDecoder, languageModel, regressionHead, causalTransformer, format } = this.components;
    if (!imageDecoder)
      throw new EmuError('NO_DECODER', 'Pictures were asked for, but the model has no image decoder.', {
        hint: 'Leave the drawing tasks out, or give a decoder.',
      });
    const { steps, candidates, scheduler } = this.options;
    const guidanceScale = this.options.guidanceScale ?? imageDecoder.defaults?.guidanceScale ?? 7.5;
    const guided = guidanceScale > 1 && imageDecoder.nullCondition === 'empty-prompt';
    const empty = guided ? [format.encode([opened]).ids] : [];
    const ids = [...rows.map((row) => row.ids), ...empty];
    const { embeddings } = await generateImageEmbeddings(languageModel, regressionHead, {
      prompts: await this.#prompt(ids, visual, { signal }),
      queries: causalTransformer.queries,
      signal,
    });
    const condition = guided ? repeatLast(embeddings, rows.length) : embeddings;
    return imageDecoder.decode(condition, { steps, guidanceScale, candidates, scheduler, seed, signal });
  }

  /** Pictures of the replies that opened one, from the words that were said before. */
  async #drawOpened(
    rows: readonly Row[],
    visual: HostTensor<'f32'>,
    texts: readonly Written[],
    replies: ModelReply[],
    options: ReplyOptions,
  ): Promise<void> {
    const { contextLength } = this.components.languageModel;
    const { queries, outputWidth } = this.components.causalTransformer;
    const going = rows.flatMap((row, i) => {
      const ids = [...row.ids, ...texts[i].ids];
      return texts[i].opens && ids.length + queries - 1 <= contextLength ? [{ row, ids }] : [];
    });
    if (going.length === 0) return;
    const size = queries * outputWidth;
    const starts = startsOf(rows.map(({ images }) => images.length * size));
    const parts = going.map(({ row }) => {
      const start = starts[rows.indexOf(row)];
      return visual.data.subarray(start, start + row.images.length * size);
    });
    const total = parts.reduce((sum, { length }) => sum + length, 0);
    const kept = tensor('f32', [total / outputWidth, outputWidth]);
    const offsets = startsOf(parts.map(({ length }) => length));
    for (const [i, part] of parts.entries()) kept.data.set(part, offsets[i]);
    const images = await this.#draw(going, kept, options);
    for (const [i, { row }] of going.entries()) replies[row.at] = { ...replies[row.at], images: [images[i]] };
  }

  #id(token: keyof typeof emuTokens): number {
    return this.components.tokenizer.special.get(emuTokens[token]) as number;
  }
}

/** Pictures encoded at a time. */
const chunk = 8;

interface Written {
  readonly ids: readonly number[];
  readonly text: string;
  /** Whether it ended with the opening of a picture. */
  readonly opens: boolean;
}

const startsOf = (lengths: readonly number[]): number[] =>
  lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0));

/** `[b + 1, …]` to `[2 b, …]`: the last row for every row. */
function repeatLast(rows: HostTensor<'f32'>, count: number): HostTensor<'f32'> {
  const size = rows.data.length / rows.shape[0];
  const out = tensor('f32', [2 * count, ...rows.shape.slice(1)]);
  out.data.set(rows.data.subarray(0, count * size));
  for (let i = 0; i < count; i++) out.data.set(rows.data.subarray(count * size), (count + i) * size);
  return out;
}
