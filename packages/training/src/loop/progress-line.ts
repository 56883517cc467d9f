import type { MetricRecord } from '../files/metrics.js';

/** What a progress line tells. */
export interface Pace {
  readonly update: number;
  readonly updates: number;
  /** Of the latest updates; 0 while unknown. */
  readonly secondsPerUpdate: number;
  readonly record: MetricRecord;
}

/** `  1200/20000   6 %  loss 2.153  rate 3.0e-4  |g| 0.84  0.41 s/step  2 h 08 min left` */
export function progressLine({ update, updates, secondsPerUpdate, record }: Pace): string {
  const width = String(updates).length;
  const rates = Object.entries(record).filter(([name]) => name.startsWith('rate.'));
  const highest = Math.max(...rates.map(([, rate]) => rate));
  return [
    `${String(update).padStart(width)}/${updates}`,
    `${String(Math.floor((100 * update) / Math.max(1, updates))).padStart(3)} %`,
    `loss ${record.loss?.toPrecision(4)}`,
    ...(rates.length ? [`rate ${highest.toExponential(1)}`] : []),
    ...(record.gradient_norm === undefined ? [] : [`|g| ${record.gradient_norm.toPrecision(3)}`]),
    ...(secondsPerUpdate
      ? [
          `${secondsPerUpdate.toPrecision(2)} s/step`,
          `${duration((updates - update) * secondsPerUpdate)} left`,
        ]
      : []),
  ].join('  ');
}

/** `45 s`, `12 min`, `2 h 08 min` */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** What `terminalProgress` writes to: `process.stderr`. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** One line that is rewritten on a terminal; a line every `every` updates where the output goes into a file or pipe. */
export function terminalProgress(out: Terminal, { every = 100 }: { readonly every?: number } = {}) {
  return (pace: Pace): void => {
    const line = progressLine(pace);
    if (!out.isTTY) {
      if (pace.update % every === 0 || pace.update === pace.updates) out.write(`${line}\n`);
    } else
      out.write(
        `\r${line.slice(0, (out.columns ?? 80) - 1)}\u001b[K${pace.update === pace.updates ? '\n' : ''}`,
      );
  };
}
