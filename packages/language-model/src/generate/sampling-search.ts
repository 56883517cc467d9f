import { type Random, random } from '@emu-ts/base';
import type { DrawOptions } from '@emu-ts/contracts';
import { logSumExp } from '../log-softmax.js';
import type { Settings } from './options.js';
import type { FinishReason, GenerateEvent, Search, SearchStep } from './search.js';

interface Row {
  readonly prompt: number;
  readonly sequence: number;
  readonly ids: number[];
  done: boolean;
}

/**
 * One token at a time, row by row: the most likely one, or one drawn. Each row draws from its own stream of the seed,
 * one number per position, so that a row's tokens depend on nothing but its logits.
 */
export class SamplingSearch implements Search {
  readonly #settings: Settings;
  readonly #rows: readonly Row[];
  readonly #draws: readonly Random[] | undefined;

  constructor(prompts: number, settings: Settings) {
    const { sequences, begin, sampling } = settings;
    this.#settings = settings;
    this.#rows = Array.from({ length: prompts * sequences }, (_, row) => ({
      prompt: Math.floor(row / sequences),
      sequence: row % sequences,
      ids: [begin],
      done: false,
    }));
    this.#draws = sampling && this.#rows.map((_, row) => random(sampling.seed ?? 0, row));
  }

  get rows(): number {
    return this.#rows.length;
  }

  advance(logits: (row: number) => Float32Array): SearchStep {
    return this.#step((row, i) => this.#choose(row, i, logits(i)));
  }

  /** Takes tokens that were chosen elsewhere, one per row. */
  accept(tokens: readonly number[]): SearchStep {
    return this.#step((_, i) => tokens[i]);
  }

  /**
   * What a session is told that goes on from here by itself: how, from which ids, and with which numbers; undefined where
   * it cannot.
   */
  drawing(steps: number): Omit<DrawOptions, 'first' | 'steps'> | undefined {
    if (!this.#settings.elsewhere) return undefined;
    const { ends, shortest, penalty, ...how } = this.#settings.elsewhere;
    const numbers = this.#draws && new Float32Array(this.rows * steps);
    this.#draws?.forEach((own, i) => {
      numbers?.set(own.uniform(steps, this.#rows[i].ids.length - 1), i * steps);
    });
    const ids = this.#rows.map((row) => row.ids);
    const longest = Math.max(...ids.map(({ length }) => length)); // all that have not ended
    const forbidden = { ids: ends, after: Math.max(0, shortest - longest) };
    return { ...how, numbers, forbidden, ...(penalty === 1 ? {} : { repetition: { penalty, ids } }) };
  }

  #step(choose: (row: Row, i: number) => number | undefined): SearchStep {
    const events: GenerateEvent[] = [];
    this.#rows.forEach((row, i) => {
      if (!row.done) this.#extend(row, choose(row, i), events);
    });
    if (this.#rows.every(({ done }) => done)) return { events };
    const next = this.#rows.map(({ done, ids }) => (done ? this.#settings.pad : ids[ids.length - 1]));
    return { events, next };
  }

  /** The next token of a row, or undefined when every token is forbidden. */
  #choose(row: Row, i: number, logits: Float32Array): number | undefined {
    const scores = logits.slice();
    for (const processor of this.#settings.processors) processor(scores, row.ids, row.prompt);
    const [u] = this.#draws?.[i].uniform(1, row.ids.length - 1) ?? [];
    return u === undefined ? argmax(scores) : drawn(scores, u);
  }

  #extend(row: Row, token: number | undefined, events: GenerateEvent[]): void {
    const { end, maxNewTokens } = this.#settings;
    const { prompt, sequence, ids } = row;
    const ended = token === undefined || end.includes(token);
    if (token !== undefined) ids.push(token);
    if (token !== undefined && !ended)
      events.push({ type: 'token', prompt, sequence, index: ids.length - 2, token });
    if (!ended && ids.length <= maxNewTokens) return;
    row.done = true;
    const finishReason: FinishReason = ended ? 'stop' : 'length';
    events.push({ type: 'finish', prompt, sequence, generated: { ids: [...ids], finishReason } });
  }
}

/** The first of the largest scores; undefined when all are −∞. */
function argmax(scores: Float32Array): number | undefined {
  let best: number | undefined;
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) if (scores[i] > top) [top, best] = [scores[i], i];
  return best;
}

/** The token at which the cumulative probability passes `u`; undefined when all scores are −∞. */
function drawn(scores: Float32Array, u: number): number | undefined {
  const total = logSumExp(scores);
  let last: number | undefined;
  let cumulative = 0;
  for (let i = 0; i < scores.length; i++) {
    if (scores[i] === Number.NEGATIVE_INFINITY) continue;
    last = i;
    cumulative += Math.exp(scores[i] - total);
    if (cumulative > u) return i;
  }
  return last;
}
