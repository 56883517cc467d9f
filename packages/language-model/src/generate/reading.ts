import type { CallOptions } from '@emu-ts/base';
import type {
  BranchOptions,
  Continuation,
  DrawOptions,
  LanguageModelSession,
  PrefillOptions,
} from '@emu-ts/contracts';
import type { AnyTensor, DeviceTensor } from '@emu-ts/graph';
import { parentsOf, tokensOf } from '../runtime/branch.js';
import type { Mark, Prompt } from './prompt.js';

/** A session, and what each of its rows has read. */
export class Reading implements Disposable {
  readonly #session: LanguageModelSession;
  #rows: readonly (readonly Mark[])[];
  #released = false;

  constructor(session: LanguageModelSession, rows: readonly (readonly Mark[])[]) {
    this.#session = session;
    this.#rows = rows;
  }

  get rows(): readonly (readonly Mark[])[] {
    return this.#rows;
  }

  async prefill(prompt: Prompt, options: PrefillOptions): Promise<AnyTensor> {
    const hidden = await this.#session.prefill(prompt.embeddings, options);
    this.#rows = this.#rows.map((_, i) => prompt.marks?.[i] ?? []);
    return hidden;
  }

  async step(ids: readonly number[], options?: CallOptions): Promise<DeviceTensor> {
    const hidden = await this.#session.step(ids, options);
    this.#append(ids);
    return hidden;
  }

  async reorder(parents: readonly number[], options?: CallOptions): Promise<void> {
    await this.#session.reorder(parents, options);
    this.#rows = parents.map((parent) => this.#rows[parent]);
  }

  /** As the session's; absent where it has none. */
  get draw(): ((options: DrawOptions) => AsyncGenerator<number[], void>) | undefined {
    const { draw } = this.#session;
    return draw && ((options) => this.#draw(draw(options), options.first));
  }

  /** As the session's; absent where it has none. */
  get branch(): ((options: BranchOptions) => AsyncGenerator<Continuation[][], void>) | undefined {
    const { branch } = this.#session;
    return branch && ((options) => this.#branch(branch(options), options));
  }

  /** Hands the session over to whoever asks: it is not disposed with this any more. */
  release(): LanguageModelSession {
    this.#released = true;
    return this.#session;
  }

  [Symbol.dispose](): void {
    if (!this.#released) this.#session.dispose();
  }

  async *#draw(steps: AsyncIterable<number[]>, first: readonly number[]): AsyncGenerator<number[], void> {
    let next = first;
    for await (const chosen of steps) {
      this.#append(next);
      next = chosen;
      yield chosen;
    }
  }

  async *#branch(
    steps: AsyncIterable<Continuation[][]>,
    options: BranchOptions,
  ): AsyncGenerator<Continuation[][], void> {
    let next = options.first;
    for await (const found of steps) {
      this.#append(next);
      next = tokensOf(found, options);
      this.#rows = parentsOf(found, options).map((parent) => this.#rows[parent]);
      yield found;
    }
  }

  #append(ids: readonly number[]): void {
    this.#rows = this.#rows.map((row, i) => [...row, ids[i]]);
  }
}
