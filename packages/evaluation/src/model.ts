import type { CallOptions } from '@emu-ts/base';
import type { RgbImage, Sequence } from '@emu-ts/contracts';
import type { Reply, SampleForm } from '@emu-ts/data';

/** What a prompt asks for: words, one picture, or words with a picture where the model opens one. */
export type Wanted = 'text' | 'image' | 'both';

export interface ReplyOptions extends CallOptions {
  readonly wanted: Wanted;
  /** Longest text, in tokens or whatever the model counts. */
  readonly maxNewTokens: number;
  /** Of what is drawn at random. Equal seeds give equal replies. */
  readonly seed: number;
}

/** A reply, or why there is none: a prompt too long for the model is a wrong answer, not the end of an evaluation. */
export interface ModelReply extends Reply {
  readonly refused?: string | undefined;
}

/** Anything that answers prompts can be scored. */
export interface ShapesModel {
  /** How the model expects to be asked: plain pages, or a dialogue. */
  readonly form: SampleForm;
  /**
   * Answers prompts that are independent of each other; a model answers them together where that pays.
   * @returns one reply per prompt, in order
   */
  reply(prompts: readonly Sequence<RgbImage>[], options: ReplyOptions): Promise<readonly ModelReply[]>;
}
