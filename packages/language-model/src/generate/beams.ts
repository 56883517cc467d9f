import type { Continuation } from '@emu-ts/contracts';
import { logSoftmax } from '../log-softmax.js';
import { topN } from '../top-n.js';
import { Hypotheses } from './hypotheses.js';
import type { Settings } from './options.js';
import type { GenerateEvent } from './search.js';

export interface Beam {
  readonly ids: readonly number[];
  /** Σ log p, after the processors; f32. */
  readonly score: number;
  /** The beam that this one goes on from. */
  readonly parent: number;
}

/** Beams other than the first start so low that the first step can only branch off the first one. */
const unlikely = -1e9;

/** Continuations to look at in a step: enough that `beams` of them do not end. */
export const wantedOf = ({ beams, end }: Settings): number => (1 + Math.max(1, end.length)) * beams;

/**
 * Beam search for one prompt, step by step as in the reference (transformers 4.30, early stopping off): of the best
 * 2 · beams continuations, those that end become hypotheses if they are among the best `beams`, the others are the next
 * beams.
 */
export class Beams {
  readonly #settings: Settings;
  readonly #prompt: number;
  readonly #finished: Hypotheses;
  #beams: readonly Beam[];
  #done = false;
  /** Tokens that all possible outcomes share and that have been reported. */
  #reported = 0;

  constructor(prompt: number, settings: Settings) {
    const { beams, begin, lengthPenalty } = settings;
    this.#settings = settings;
    this.#prompt = prompt;
    this.#finished = new Hypotheses(beams, lengthPenalty);
    this.#beams = Array.from({ length: beams }, (_, i) => ({
      ids: [begin],
      score: i ? unlikely : 0,
      parent: i,
    }));
  }

  get done(): boolean {
    return this.#done;
  }

  /** What each beam feeds next. */
  get tokens(): number[] {
    return this.#beams.map(({ ids }) => (this.#done ? this.#settings.pad : ids[ids.length - 1]));
  }

  /** Which beam each goes on from. */
  get parents(): number[] {
    return this.#beams.map(({ parent }, i) => (this.#done ? i : parent));
  }

  get beams(): readonly Beam[] {
    return this.#beams;
  }

  advance(logits: (beam: number) => Float32Array): GenerateEvent[] {
    return this.accept(this.#continuations(logits));
  }

  /** Takes the best continuations of all beams together, best first. */
  accept(continuations: readonly Continuation[]): GenerateEvent[] {
    const { end, beams, maxNewTokens } = this.#settings;
    const next: Beam[] = [];
    continuations.forEach(({ beam, token, score }, rank) => {
      if (next.length === beams) return;
      const { ids } = this.#beams[beam];
      if (!end.includes(token)) next.push({ ids: [...ids, token], score, parent: beam });
      else if (rank < beams) this.#finished.add(ids, score, token);
    });
    this.#beams = next;
    const length = next[0].ids.length;
    this.#done = this.#finished.settled(continuations[0].score, length);
    if (!this.#done && length > maxNewTokens) {
      for (const { ids, score } of next) this.#finished.add(ids, score);
      this.#done = true;
    }
    return this.#done ? this.#finish() : this.#report();
  }

  #continuations(logits: (beam: number) => Float32Array): Continuation[] {
    const { beams, processors } = this.#settings;
    const rows = this.#beams.map(({ ids, score }, i) => {
      const scores = logSoftmax(logits(i));
      for (const processor of processors) processor(scores, ids, this.#prompt);
      for (let token = 0; token < scores.length; token++) scores[token] += score;
      return scores;
    });
    const vocabulary = rows[0].length;
    const all = new Float32Array(beams * vocabulary);
    rows.forEach((scores, i) => {
      all.set(scores, i * vocabulary);
    });
    return topN(all, wantedOf(this.#settings)).map((index) => ({
      beam: Math.floor(index / vocabulary),
      token: index % vocabulary,
      score: all[index],
    }));
  }

  /** Tokens on which all live beams and all hypotheses agree are certain, whichever wins. */
  #report(): GenerateEvent[] {
    const live = this.#beams.filter(({ score }) => score > Number.NEGATIVE_INFINITY);
    const [first, ...others] = [...live, ...this.#finished.kept].map(({ ids }) => ids);
    let certain = this.#reported;
    while (
      first &&
      certain + 1 < first.length &&
      others.every((ids) => ids[certain + 1] === first[certain + 1])
    )
      certain++;
    const events = this.#returned().flatMap((sequence) => this.#tokens(sequence, first, certain));
    this.#reported = certain;
    return events;
  }

  #finish(): GenerateEvent[] {
    const best = this.#finished.best(this.#settings.sequences);
    return best.flatMap(({ ids, end, score }, sequence) => [
      ...this.#tokens(sequence, ids, ids.length - 1),
      {
        type: 'finish' as const,
        prompt: this.#prompt,
        sequence,
        generated:
          end === undefined
            ? { ids, score, finishReason: 'length' as const }
            : { ids: [...ids, end], score, finishReason: 'stop' as const },
      },
    ]);
  }

  #returned(): number[] {
    return Array.from({ length: this.#settings.sequences }, (_, sequence) => sequence);
  }

  /** Token events from the first unreported one up to `count` tokens. */
  #tokens(sequence: number, ids: readonly number[], count: number): GenerateEvent[] {
    return Array.from({ length: count - this.#reported }, (_, i) => {
      const index = this.#reported + i;
      return { type: 'token', prompt: this.#prompt, sequence, index, token: ids[index + 1] };
    });
  }
}
