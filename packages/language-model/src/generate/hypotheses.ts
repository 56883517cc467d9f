/** A row that ended, or was cut off. */
export interface Hypothesis {
  /** Begin token and generated tokens, without the end token. */
  readonly ids: readonly number[];
  /** The end token; absent when the row was cut off at the length limit. */
  readonly end?: number | undefined;
  readonly score: number;
}

/**
 * The best finished rows of one prompt, with the reference's rules: a score is the sum of log-probabilities, end token
 * included, over length^lengthPenalty, where the length counts the begin token and not the end token; as many are kept
 * as there are beams.
 */
export class Hypotheses {
  readonly #size: number;
  readonly #lengthPenalty: number;
  /** In order of arrival. */
  #kept: Hypothesis[] = [];

  constructor(size: number, lengthPenalty: number) {
    this.#size = size;
    this.#lengthPenalty = lengthPenalty;
  }

  get kept(): readonly Hypothesis[] {
    return this.#kept;
  }

  /** The best first; of equals, the one that arrived last. */
  best(count: number): Hypothesis[] {
    return [...this.#kept]
      .sort((a, b) => a.score - b.score)
      .reverse()
      .slice(0, count);
  }

  add(ids: readonly number[], logProbability: number, end?: number): void {
    const score = this.#score(logProbability, ids.length);
    const full = this.#kept.length >= this.#size;
    const worst = this.#worst();
    if (full && !(score > worst.score)) return;
    this.#kept.push({ ids: [...ids], end, score });
    if (full) this.#kept = this.#kept.filter((hypothesis) => hypothesis !== worst);
  }

  /**
   * Whether to stop looking: no row whose log-probability is at most `best` would enter if it ended at `length`. For
   * positive length penalties this is a guess, as longer rows may yet score higher.
   */
  settled(best: number, length: number): boolean {
    return this.#kept.length >= this.#size && this.#worst().score >= this.#score(best, length);
  }

  #score(logProbability: number, length: number): number {
    return logProbability / length ** this.#lengthPenalty;
  }

  /** The lowest score; of equals, the one that arrived first. */
  #worst(): Hypothesis {
    return this.#kept.reduce((worst, next) => (next.score < worst.score ? next : worst), this.#kept[0]);
  }
}
