import type { AllowedTokens } from '../processors/allowed-tokens.js';

type Branch = Map<number, Branch>;

/** Answers as a tree of token ids. */
export class Trie {
  readonly #root: Branch = new Map();

  constructor(sequences: Iterable<Iterable<number>> = []) {
    for (const sequence of sequences) this.add(sequence);
  }

  add(sequence: Iterable<number>): void {
    let branch = this.#root;
    for (const id of sequence) {
      const next = branch.get(id) ?? new Map();
      branch.set(id, next);
      branch = next;
    }
  }

  /** The ids that may follow `prefix`; none when no sequence begins so, or one ends there. */
  next(prefix: Iterable<number>): number[] {
    let branch: Branch | undefined = this.#root;
    for (const id of prefix) branch = branch?.get(id);
    return [...(branch?.keys() ?? [])];
  }
}

/**
 * Holds generation to a set of answers.
 *
 * @param sequences token ids without the begin token, each with the end token last
 */
export function allowSequences(sequences: Iterable<Iterable<number>>): AllowedTokens {
  const trie = new Trie(sequences);
  return (ids) => trie.next(ids.slice(1));
}
