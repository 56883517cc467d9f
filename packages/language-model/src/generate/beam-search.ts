import type { BranchOptions, Continuation, ContinuationsOptions } from '@emu-ts/contracts';
import { Beams, wantedOf } from './beams.js';
import type { Settings } from './options.js';
import type { GenerateEvent, Search, SearchStep } from './search.js';

/** Beam search over a batch: prompt i owns rows i · beams … (i + 1) · beams − 1. */
export class BeamSearch implements Search {
  readonly rows: number;
  readonly #settings: Settings;
  readonly #prompts: readonly Beams[];

  constructor(prompts: number, settings: Settings) {
    this.rows = prompts * settings.beams;
    this.#settings = settings;
    this.#prompts = Array.from({ length: prompts }, (_, prompt) => new Beams(prompt, settings));
  }

  advance(logits: (row: number) => Float32Array): SearchStep {
    return this.#step((beams, first) => beams.advance((beam) => logits(first + beam)));
  }

  /** Takes continuations that were chosen elsewhere, of every prompt. */
  accept(continuations: readonly (readonly Continuation[])[]): SearchStep {
    return this.#step((beams, _, prompt) => beams.accept(continuations[prompt]));
  }

  /** What whoever chooses continuations of all prompts has to know; undefined where only the host can choose. */
  asking(): ContinuationsOptions | undefined {
    if (!this.#settings.elsewhere) return undefined;
    const { ends, shortest, penalty } = this.#settings.elsewhere;
    const rows = this.#prompts.flatMap(({ beams }) => beams);
    return {
      beams: this.#settings.beams,
      scores: rows.map(({ score }) => score),
      count: wantedOf(this.#settings),
      ...(this.#length < shortest && { forbidden: ends }),
      ...(penalty !== 1 && { repetition: { penalty, ids: rows.map(({ ids }) => ids) } }),
    };
  }

  /** What a session has to know that goes on from here by itself; undefined where only the host can choose. */
  branching(): Omit<BranchOptions, 'first' | 'steps'> | undefined {
    const asked = this.asking();
    if (!asked || !this.#settings.elsewhere) return undefined;
    const { ends, shortest } = this.#settings.elsewhere;
    const { forbidden: _, ...how } = asked;
    const length = this.#length;
    return {
      ...how,
      ends: this.#settings.end,
      forbidden: { ids: ends, after: Math.max(0, shortest - length) },
    };
  }

  /** Tokens of the beams that are not done, begin token included. */
  get #length(): number {
    return Math.max(...this.#prompts.flatMap(({ beams }) => beams.map(({ ids }) => ids.length)));
  }

  #step(extend: (beams: Beams, first: number, prompt: number) => GenerateEvent[]): SearchStep {
    const first = (prompt: number) => prompt * this.#settings.beams;
    const events = this.#prompts.flatMap((beams, prompt) =>
      beams.done ? [] : extend(beams, first(prompt), prompt),
    );
    if (this.#prompts.every(({ done }) => done)) return { events };
    return {
      events,
      next: this.#prompts.flatMap(({ tokens }) => tokens),
      parents: this.#prompts.flatMap(({ parents }, prompt) => parents.map((beam) => first(prompt) + beam)),
    };
  }
}
