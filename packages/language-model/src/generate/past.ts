import { type CallOptions, EmuError } from '@emu-ts/base';
import type { LanguageModel, LanguageModelSession } from '@emu-ts/contracts';
import type { AnyTensor } from '@emu-ts/graph';
import { type Mark, type Prompt, sharedBy } from './prompt.js';
import { Reading } from './reading.js';

/**
 * What a model read last, kept from one generation to the next: a prompt that begins as it does is read from where it
 * differs. A dialogue whose turns hand it on reads what was said before once. It holds one row of keys and values until it
 * is disposed or another takes its place.
 *
 *     using past = new Past();
 *     for await (const event of stream(model, prompt, { tokens, past })) …
 */
export class Past implements Disposable {
  #kept: Kept | undefined;

  /** Keeps the row of a reading that is most of `marks`, in place of what was kept before. */
  async keep(model: LanguageModel, reading: Reading, marks: readonly Mark[]): Promise<void> {
    const row = reading.rows.reduce(
      (best, read, i, rows) => (sharedBy(read, marks) > sharedBy(rows[best], marks) ? i : best),
      0,
    );
    await reading.reorder([row]);
    this.dispose();
    const [read] = reading.rows;
    this.#kept = { model, session: reading.release(), read };
  }

  /** Takes what was kept, if a prompt begins with it and fits: whoever takes it has it. */
  take(model: LanguageModel, marks: readonly Mark[], capacity: number): Kept | undefined {
    const kept = this.#kept;
    if (kept?.model !== model) return undefined;
    // The last position is read in any case: what it says is asked for.
    const shared = Math.min(sharedBy(kept.read, marks), marks.length - 1);
    if (!shared || kept.session.capacity < capacity) return undefined;
    this.#kept = undefined;
    return { ...kept, read: kept.read.slice(0, shared) };
  }

  /** Lets go of it. */
  dispose(): void {
    this.#kept?.session.dispose();
    this.#kept = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

interface Kept {
  readonly model: LanguageModel;
  /** Of one row. */
  readonly session: LanguageModelSession;
  /** What the row has read; the session may have read more. */
  readonly read: readonly Mark[];
}

/**
 * Reads a prompt, on from where the past leaves it where there is one. Prompts of several rows, or of unknown ones, are read
 * by themselves.
 *
 * @param room positions needed behind the prompt
 */
export async function readPrompt(
  model: LanguageModel,
  prompt: Prompt,
  room: number,
  { past, ...call }: CallOptions & { readonly past?: Past | undefined },
): Promise<{ reading: Reading; hidden: AnyTensor }> {
  const [batch, length] = prompt.embeddings.shape;
  const capacity = length + room;
  const marks = batch === 1 && !prompt.padding[0] ? prompt.marks?.[0] : undefined;
  const kept = marks && past?.take(model, marks, capacity);
  if (kept) {
    const reading = new Reading(kept.session, [kept.read]);
    try {
      kept.session.truncate(kept.read.length);
      return { reading, hidden: await reading.prefill(prompt, { ...call, start: kept.read.length }) };
    } catch (error) {
      reading[Symbol.dispose]();
      // A device that went away took what was kept along; the prompt is not lost with it.
      if (!(error instanceof EmuError && error.code === 'DEVICE_LOST')) throw error;
    }
  }
  const roomy = marks && past ? Math.min(2 * capacity, model.contextLength) : capacity; // for turns to come
  const session = await model.open({ batch, capacity: roomy, signal: call.signal });
  const reading = new Reading(
    session,
    Array.from({ length: batch }, () => []),
  );
  try {
    return { reading, hidden: await reading.prefill(prompt, { ...call, padding: prompt.padding }) };
  } catch (error) {
    reading[Symbol.dispose]();
    throw error;
  }
}
