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
}
