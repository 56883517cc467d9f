import { type CallOptions, EmuError } from '@emu-ts/base';
import type { RgbImage, Sequence, SequenceElement } from '@emu-ts/contracts';
import { rank } from '@emu-ts/language-model';
import { chat as chatSequence, fillPrompt, prompts } from '@emu-ts/sequence';
import { Chat } from './chat.js';
import type { Belongings, EmuComponents } from './components.js';
import { EmuReply } from './events.js';
import { type EmuItem, isRgbImage } from './items.js';
import type { CheckpointLocation } from './load/files.js';
import { loadPretrained, type PretrainedOptions } from './load/load.js';
import type { ImageOptions } from './reply/image.js';
import { reply } from './reply/reply.js';
import { readSequence, type TextOptions } from './reply/text.js';
import { toFrames, toImage, Vision } from './vision.js';

/** How the reply is made: words by the reference's beam search (5 beams, 128 tokens) unless said otherwise. */
export interface CompleteOptions extends TextOptions {
  /** `auto`: words, and pictures where the model opens one. Default `text`. */
  readonly output?: 'text' | 'image' | 'auto' | undefined;
  /** For the pictures of the reply. */
  readonly draw?: DrawOptions | undefined;
  /** With `auto`: at most so many pictures. Default 4. */
  readonly maxImages?: number | undefined;
}

export interface DrawOptions extends Omit<ImageOptions, 'negative'> {
  /** What the picture should not show. Default: the empty prompt. */
  readonly negative?: readonly EmuItem[] | undefined;
}

export interface RankedAnswer {
  readonly answer: string;
  /** Lower is more likely. */
  readonly cost: number;
}

/**
 * The whole model: any mixture of texts, pictures and videos in, text or a picture out.
 *
 *     await using emu = await Emu.fromPretrained('checkpoint');
 *     const text = await emu.complete([{ image: 'dog.png' }, 'The image shows']).text();
 */
export class Emu implements AsyncDisposable {
  readonly #chats = new Set<Chat>();
  readonly #vision: Vision;
  readonly #belongings: Belongings | undefined;

  /** Assembles a model of components; they stay the caller's unless `belongings` says otherwise. */
  constructor(
    readonly components: EmuComponents,
    belongings?: Belongings,
  ) {
    this.#vision = new Vision(components.visualEncoder, components.causalTransformer, {
      inPlace: components.languageModel.splice !== undefined,
    });
    this.#belongings = belongings;
  }

  /** Loads a checkpoint folder in the released layout. A failed or aborted load leaves nothing behind. */
  static async fromPretrained(location: CheckpointLocation, options: PretrainedOptions = {}): Promise<Emu> {
    const { components, belongings } = await loadPretrained(location, options);
    return new Emu(components, belongings);
  }

  /** Goes on from a sequence, given as it stands: no template is put around it. */
  complete(items: readonly EmuItem[], options: CompleteOptions = {}): EmuReply {
    return this.#reply(() => this.#sequence(items, options), options);
  }

  /** Describes a picture or video, with the prompt of the reference for this variant of the model. */
  caption(item: EmuItem, options: CompleteOptions = {}): EmuReply {
    return this.#reply(
      async () => {
        const [picture] = await this.#sequence([item], options);
        return fillPrompt(this.#instruct ? prompts.caption : prompts.zeroShotCaption, { image: picture });
      },
      { maxNewTokens: 512, ...options },
    );
  }

  /** Answers a question about pictures and videos. */
  ask(items: readonly EmuItem[], question: string, options: CompleteOptions = {}): EmuReply {
    return this.#reply(async () => {
      const seen = await this.#sequence(items, options);
      if (this.#instruct)
        return chatSequence([{ role: 'user', content: [...seen, { type: 'text', text: question }] }]);
      return [...seen, { type: 'text', text: ` based on the picture, ${question} short answer:` }];
    }, options);
  }

  /** A dialogue whose turns remember what was said and shown. It ends when it is disposed, or with this model. */
  chat(): Chat {
    const chat = new Chat(this, undefined, (ended) => this.#chats.delete(ended));
    this.#chats.add(chat);
    return chat;
  }

  /** Draws what texts and pictures say, in their order. */
  draw(items: readonly EmuItem[], options: DrawOptions = {}): EmuReply {
    const { signal, onProgress } = options;
    return this.complete(items, { output: 'image', draw: options, signal, onProgress });
  }

  /** Blends two or more pictures into one. */
  blend(images: readonly EmuItem[], options: DrawOptions = {}): EmuReply {
    if (images.length < 2)
      throw new EmuError('OPTION', `Blending takes two or more pictures, got ${images.length}.`);
    return this.draw(images, options);
  }

  /** Orders answers by how likely each is after a sequence, the most likely first. */
  async rank(
    items: readonly EmuItem[],
    answers: readonly string[],
    options: CallOptions = {},
  ): Promise<RankedAnswer[]> {
    const sequence = await this.#sequence(items, options);
    const read = await readSequence(this.components, this.#vision, sequence, options);
    using prompt = read.prompt;
    const { tokenizer, languageModel } = this.components;
    const candidates = answers.map((answer) => tokenizer.encode(answer, { bos: false }));
    const { order, costs } = await rank(languageModel, prompt, candidates, options);
    return order.map((i) => ({ answer: answers[i], cost: costs[i] }));
  }

  /** Answers a prepared sequence; what `complete`, `ask` and a chat come down to. */
  answer(sequence: Sequence<RgbImage>, options: CompleteOptions = {}): EmuReply {
    return this.#reply(async () => sequence, options);
  }

  /** Items with their pictures and videos read. */
  read(items: readonly EmuItem[], options: CallOptions = {}): Promise<Sequence<RgbImage>> {
    return this.#sequence(items, options);
  }

  get #instruct(): boolean {
    return this.components.variant === 'instruct';
  }

  #reply(prepare: () => Promise<Sequence<RgbImage>>, options: CompleteOptions): EmuReply {
    const { output = 'text', draw: { negative, ...image } = {}, maxImages, ...given } = options;
    const { signal, onProgress } = options;
    const greedy = given.sampling || output === 'auto';
    const text = { maxNewTokens: 128, ...(greedy ? {} : { beams: 5 }), ...defined(given) };
    const events = async function* (emu: Emu) {
      const sequence = await prepare();
      const avoided = negative && { negative: await emu.#sequence(negative, options) };
      const settings = { output, text, image: { ...image, ...avoided }, maxImages, signal, onProgress };
      yield* reply(emu.components, emu.#vision, sequence, settings);
    };
    return new EmuReply(events(this));
  }

  #sequence(items: readonly EmuItem[], { signal, onProgress }: CallOptions): Promise<Sequence<RgbImage>> {
    return Promise.all(items.map((item) => element(item, { signal, onProgress })));
  }

  /** Frees weights and programs, and ends dialogues. Components that were handed in stay. */
  async dispose(): Promise<void> {
    for (const chat of this.#chats) chat.dispose();
    this.#vision.dispose();
    await this.#belongings?.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

async function element(item: EmuItem, options: CallOptions): Promise<SequenceElement<RgbImage>> {
  if (typeof item === 'string') return { type: 'text', text: item };
  if ('role' in item) return { type: 'role', role: item.role };
  if ('video' in item) return { type: 'video', frames: await toFrames(item, options) };
  return { type: 'image', image: await toImage(isRgbImage(item) ? item : item.image, options) };
}

/** Without the fields that are undefined, so that they do not hide defaults. */
const defined = <T extends object>(options: T): T =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
