import { EmuError } from '@emu-ts/base';
import type { RgbImage, Sequence } from '@emu-ts/contracts';
import { Past } from '@emu-ts/language-model';
import { chat, type Message } from '@emu-ts/sequence';
import type { CompleteOptions, Emu } from './emu.js';
import { type EmuEvent, EmuReply } from './events.js';
import type { EmuItem } from './items.js';

/**
 * A dialogue. A turn is added when its answer is complete: one that failed or was aborted leaves the dialogue as it was,
 * and the question can be asked again. It holds what the language model has read of it (one row of keys and values), from
 * which the next turn goes on, until it is disposed: by whoever made it, or with the model whose `chat()` did.
 */
export class Chat implements Disposable {
  readonly #past = new Past();
  readonly #onDispose: (chat: Chat) => void;
  #messages: Message<RgbImage>[] = [];
  #busy = false;
  #disposed = false;

  constructor(
    readonly emu: Emu,
    /** In place of the reference's system message for pictures or videos. */
    readonly system?: string,
    onDispose: (chat: Chat) => void = () => {},
  ) {
    this.#onDispose = onDispose;
  }

  get messages(): readonly Message<RgbImage>[] {
    return this.#messages;
  }

  /** One turn: texts, pictures and videos in their order. */
  say(items: readonly EmuItem[] | string, options: CompleteOptions = {}): EmuReply {
    return new EmuReply(this.#turn(typeof items === 'string' ? [items] : items, options));
  }

  /** Ends it: there are no more turns, and one that is being answered leaves nothing behind. */
  dispose(): void {
    this.#disposed = true;
    this.#past.dispose();
    this.#onDispose(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async *#turn(items: readonly EmuItem[], options: CompleteOptions): AsyncGenerator<EmuEvent, void> {
    if (this.#disposed) throw new EmuError('DISPOSED', 'This dialogue has been disposed.');
    if (this.#busy)
      throw new EmuError('BUSY', 'The previous turn of this dialogue is not finished.', {
        hint: 'Read its reply to the end first.',
      });
    this.#busy = true;
    try {
      const content = await this.emu.read(items, options);
      const asked: Message<RgbImage>[] = [...this.#messages, { role: 'user', content }];
      const sequence = chat(
        this.system === undefined ? asked : [{ role: 'system', content: this.system }, ...asked],
      );
      const answer: Sequence<RgbImage>[number][] = [];
      for await (const event of this.emu.answer(sequence, { past: this.#past, ...options })) {
        if (event.type === 'text-delta') {
          const last = answer.at(-1);
          if (last?.type === 'text')
            answer[answer.length - 1] = { type: 'text', text: last.text + event.text };
          else answer.push({ type: 'text', text: event.text });
        } else if (event.type === 'image') answer.push({ type: 'image', image: event.image });
        else if (event.type === 'finish') this.#messages = [...asked, { role: 'assistant', content: answer }];
        yield event;
      }
    } finally {
      this.#busy = false;
      if (this.#disposed) this.#past.dispose();
    }
  }
}
