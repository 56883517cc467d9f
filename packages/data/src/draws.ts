import { philoxBlock } from '@emu-ts/base';

/**
 * Random choices one after another, for data whose shape depends on what was drawn before. Each (seed, stream, purpose)
 * is its own sequence, so sample i never depends on the samples before it.
 */
export class Draws {
  private readonly words = new Uint32Array(4);
  private readonly key: readonly [number, number];
  private block = 0;
  private used = 4;

  /**
   * @param seed any integer up to 2^53.
   * @param stream the number of the sample, up to 2^53.
   * @param purpose separates independent uses of one sample.
   */
  constructor(
    seed: number,
    private readonly stream = 0,
    private readonly purpose = 0,
  ) {
    this.key = [seed >>> 0, Math.floor(Math.abs(seed) / 2 ** 32) >>> 0];
  }

  /** A uniform 32-bit word. */
  bits(): number {
    if (this.used === 4) this.load();
    return this.words[this.used++];
  }

  /** How many words have been drawn or passed over. */
  get position(): number {
    return 4 * (this.block - 1) + this.used;
  }

  /** Goes on at another word: back to what was passed over, or ahead past what need not be looked at yet. */
  seek(position: number): void {
    const [block, used] = [Math.floor(position / 4), position % 4];
    if (block !== this.block - 1) {
      this.block = block;
      this.used = 4;
      if (used === 0) return;
      this.load();
    }
    this.used = used;
  }

  /** Computes the next block. */
  private load(): void {
    const { stream, purpose } = this;
    const counter = [this.block++, purpose, stream >>> 0, Math.floor(stream / 2 ** 32) >>> 0] as const;
    philoxBlock(counter, this.key, this.words);
    this.used = 0;
  }

  /** Uniform in [from, to). */
  range(from = 0, to = 1): number {
    return from + (to - from) * this.bits() * 2 ** -32;
  }

  /** A whole number in 0..n−1. */
  int(n: number): number {
    return Math.floor(this.range(0, n));
  }

  chance(probability: number): boolean {
    return this.range() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)];
  }

  /** The list in another order (Fisher–Yates). */
  shuffle<T>(list: readonly T[]): T[] {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }

  /** An index, each as likely as its weight. */
  weighted(weights: readonly number[]): number {
    let left = this.range(
      0,
      weights.reduce((sum, weight) => sum + weight, 0),
    );
    const found = weights.findIndex((weight) => {
      left -= weight;
      return left < 0;
    });
    return found >= 0 ? found : weights.length - 1 - [...weights].reverse().findIndex((weight) => weight > 0);
  }
}
