import type { RgbImage } from '@emu-ts/contracts';
import type { SampleForm } from '@emu-ts/data';

export interface Score {
  readonly count: number;
  readonly correct: number;
  /** `correct / count` */
  readonly accuracy: number;
  /** Where the accuracy lies with 95 % certainty, by Wilson's score. */
  readonly interval: readonly [low: number, high: number];
}

/** A wrong reply, for inspection. */
export interface Failure {
  readonly group?: string | undefined;
  /** Number of the sample: the same seed gives it again. */
  readonly index: number;
  /** With `[image]` for pictures. */
  readonly prompt: string;
  readonly wanted: string;
  /** What was said, with `[image]` after it for every picture. */
  readonly reply: string;
  readonly reason: string;
  /** Pictures of the prompt, and those of the reply. */
  readonly pictures: { readonly prompt: readonly RgbImage[]; readonly reply: readonly RgbImage[] };
}

export interface AbilityReport extends Score {
  readonly ability: string;
  readonly what: string;
  /** The group that the figure counts; all where it is absent. */
  readonly headline?: string | undefined;
  readonly goal?: number | undefined;
  /** Whether the accuracy is at least the goal. */
  readonly met?: boolean | undefined;
  readonly groups: Readonly<Record<string, Score>>;
  /** The first of them. */
  readonly failures: readonly Failure[];
}

export interface ShapesReport {
  readonly seed: number;
  readonly n: number;
  readonly split: string;
  readonly form: SampleForm;
  readonly seconds: number;
  readonly abilities: readonly AbilityReport[];
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`.padStart(7);

/** The report as a table for a terminal or a model card: an ability a line, its groups below it. */
export function formatReport({ abilities }: ShapesReport): string {
  const line = (name: string, { count, correct, accuracy, interval }: Score, end = '') =>
    `${name.padEnd(26)}${percent(accuracy)}  ${`[${interval.map(percent).join(',')}]`.padEnd(18)}  ${`${correct}/${count}`.padStart(9)}${end}`;
  return abilities
    .flatMap((report) => {
      const goal =
        report.goal === undefined ? '' : `  ${report.met ? 'meets' : 'below'}${percent(report.goal)}`;
      const title = report.headline ? `${report.ability} (${report.headline})` : report.ability;
      const groups = Object.entries(report.groups).map(([name, score]) => line(`  ${name}`, score));
      return [line(title, report, goal), ...groups];
    })
    .join('\n');
}

/** The report as plain data, without pictures. */
export const plainReport = (report: ShapesReport) => ({
  ...report,
  abilities: report.abilities.map(({ failures, ...ability }) => ({
    ...ability,
    failures: failures.map(({ pictures, ...failure }) => failure),
  })),
});
