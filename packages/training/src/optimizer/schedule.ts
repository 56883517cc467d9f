/** The factor on every group's peak rate at an update, counted from 0. */
export type Schedule = (update: number) => number;

export interface WarmupOptions {
  /** Updates in all. */
  readonly steps: number;
  /** Updates over which the factor rises linearly to 1: the first is 1/warmup. Default 0. */
  readonly warmup?: number | undefined;
  /** The factor at the end. Default 0. */
  readonly final?: number | undefined;
}

export const constant: Schedule = () => 1;

/** Linear warm-up, then half a cosine down to `final`. */
export const warmupCosine = (options: WarmupOptions): Schedule =>
  afterWarmup(options, (done) => (1 + Math.cos(Math.PI * done)) / 2);

/** Linear warm-up, then a straight line down to `final`. */
export const warmupLinear = (options: WarmupOptions): Schedule => afterWarmup(options, (done) => 1 - done);

/** Linear warm-up, then the factor of the last milestone reached: `{ 5000: 1, 10000: 0.5, 14000: 0.1 }`. */
export function milestones(factors: Readonly<Record<number, number>>, warmup = 0): Schedule {
  const steps = Object.keys(factors)
    .map(Number)
    .sort((a, b) => a - b);
  return (update) => {
    if (update < warmup) return (update + 1) / warmup;
    const reached = steps.filter((step) => step <= update).pop();
    return reached === undefined ? 1 : factors[reached];
  };
}

function afterWarmup(
  { steps, warmup = 0, final = 0 }: WarmupOptions,
  shape: (done: number) => number,
): Schedule {
  return (update) => {
    if (update < warmup) return (update + 1) / warmup;
    const done = Math.min(1, (update - warmup) / Math.max(1, steps - warmup));
    return final + (1 - final) * shape(done);
  };
}
