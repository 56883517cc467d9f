import { Beams } from './beams.js';
import type { Settings } from './options.js';
import type { Search, SearchStep } from './search.js';

/** Beam search over a batch: prompt i owns rows i · beams … (i + 1) · beams − 1. */
export class BeamSearch implements Search {
  readonly rows: number;
  readonly #beams: number;
  readonly #prompts: readonly Beams[];

  constructor(prompts: number, settings: Settings) {
    this.rows = prompts * settings.beams;
    this.#beams = settings.beams;
    this.#prompts = Array.from({ length: prompts }, (_, prompt) => new Beams(prompt, settings));
  }

  advance(logits: (row: number) => Float32Array): SearchStep {
    const first = (prompt: number) => prompt * this.#beams;
    const events = this.#prompts.flatMap((beams, prompt) =>
      beams.done ? [] : beams.advance((beam) => logits(first(prompt) + beam)),
    );
    if (this.#prompts.every(({ done }) => done)) return { events };
    return {
      events,
      next: this.#prompts.flatMap(({ tokens }) => tokens),
      parents: this.#prompts.flatMap(({ parents }, prompt) => parents.map((beam) => first(prompt) + beam)),
    };
  }
}
