/** One measurement. A package lists its own in `bench/*.ts` as `export const benches: Bench[]`. */
export interface Bench {
  /** `package.what`, such as `tokenizer.encode`. */
  readonly name: string;
  /** Unit of the value, such as `MB/s` or `ms`. */
  readonly unit: string;
  run(): Promise<BenchResult>;
}

export interface BenchResult {
  readonly value: number;
  /** The same work done by something else, in the same unit and process. */
  readonly baseline?: { readonly name: string; readonly value: number };
  /** What else is worth writing down: counts, rates, why there is no baseline. */
  readonly detail?: Readonly<Record<string, number | string>>;
}

/**
 * Medians of the times, in milliseconds, of two things done in turns, so that a noisy machine is noisy to both. Each
 * leads every other round; three rounds warm up.
 */
export async function alternate(
  rounds: number,
  a: () => Promise<unknown>,
  b: () => Promise<unknown>,
): Promise<[number, number]> {
  const runs = [a, b] as const;
  const times: [number[], number[]] = [[], []];
  for (let round = -3; round < rounds; round++) {
    for (const which of round % 2 ? ([1, 0] as const) : ([0, 1] as const)) {
      const start = performance.now();
      await runs[which]();
      if (round >= 0) times[which].push(performance.now() - start);
    }
  }
  return [median(times[0]), median(times[1])];
}

const median = (values: readonly number[]): number => [...values].sort((x, y) => x - y)[values.length >> 1];
