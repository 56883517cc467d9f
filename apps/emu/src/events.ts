import type { DecodedImage, ImagePreview } from '@emu-ts/contracts';

/** What a reply is made of, in the order in which it is made. */
export type EmuEvent =
  | { readonly type: 'text-delta'; readonly text: string }
  /** Embeddings predicted or denoising steps done for the picture being made. */
  | { readonly type: 'image-progress'; readonly phase: string; readonly step: number; readonly steps: number }
  | { readonly type: 'image-preview'; readonly preview: ImagePreview }
  | { readonly type: 'image'; readonly image: DecodedImage }
  | {
      readonly type: 'finish';
      readonly reason: 'end' | 'length' | 'image';
      /** Positions read, and positions written: tokens and image embeddings. */
      readonly usage: { readonly input: number; readonly output: number };
      readonly warnings: readonly string[];
    };

/** A reply as it is made. Iterate it, or await one of its summaries; it can be read once. */
export class EmuReply implements AsyncIterable<EmuEvent> {
  readonly #events: AsyncIterable<EmuEvent>;

  constructor(events: AsyncIterable<EmuEvent>) {
    this.#events = events;
  }

  [Symbol.asyncIterator](): AsyncIterator<EmuEvent> {
    return this.#events[Symbol.asyncIterator]();
  }

  /** Everything, once it is finished. */
  async result(): Promise<EmuResult> {
    let text = '';
    const images: DecodedImage[] = [];
    let finish: Extract<EmuEvent, { type: 'finish' }> | undefined;
    for await (const event of this) {
      if (event.type === 'text-delta') text += event.text;
      else if (event.type === 'image') images.push(event.image);
      else if (event.type === 'finish') finish = event;
    }
    return {
      text,
      images,
      ...(finish ? { reason: finish.reason, usage: finish.usage, warnings: finish.warnings } : cut),
    };
  }

  async text(): Promise<string> {
    return (await this.result()).text;
  }

  async images(): Promise<readonly DecodedImage[]> {
    return (await this.result()).images;
  }
}

const cut = { reason: 'length', usage: { input: 0, output: 0 }, warnings: [] } as const;

export interface EmuResult {
  readonly text: string;
  readonly images: readonly DecodedImage[];
  readonly reason: 'end' | 'length' | 'image';
  readonly usage: { readonly input: number; readonly output: number };
  readonly warnings: readonly string[];
}
