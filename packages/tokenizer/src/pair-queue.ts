/**
 * Neighbours that may merge, best first: higher score, then further left. A binary heap over plain numbers: the rank
 * of the score and the left symbol's index share one key, so that one comparison decides.
 */
const stride = 2 ** 30;

export class PairQueue {
  readonly #keys: number[] = [];
  readonly #pieces: number[] = [];

  get size(): number {
    return this.#keys.length;
  }

  /** @param rank 0 for the highest score; @param left index of the left symbol; @param piece id of the merged piece. */
  push(rank: number, left: number, piece: number): void {
    const keys = this.#keys;
    const pieces = this.#pieces;
    const key = rank * stride + left;
    let at = keys.length;
    keys.push(key);
    pieces.push(piece);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent] <= key) break;
      keys[at] = keys[parent];
      pieces[at] = pieces[parent];
      at = parent;
    }
    keys[at] = key;
    pieces[at] = piece;
  }

  /** Removes the best pair; the queue must not be empty. */
  pop(): { left: number; piece: number } {
    const keys = this.#keys;
    const pieces = this.#pieces;
    const top = { left: keys[0] % stride, piece: pieces[0] };
    const key = keys.pop()!;
    const piece = pieces.pop()!;
    const size = keys.length;
    if (size > 0) {
      let at = 0;
      for (let child = 1; child < size; child = 2 * at + 1) {
        if (child + 1 < size && keys[child + 1] < keys[child]) child++;
        if (keys[child] >= key) break;
        keys[at] = keys[child];
        pieces[at] = pieces[child];
        at = child;
      }
      keys[at] = key;
      pieces[at] = piece;
    }
    return top;
  }
}
