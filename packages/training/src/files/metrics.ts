import { node, saveError, writeFileAtomic } from './atomic.js';

/** What is known of one update. */
export interface MetricRecord {
  /** Updates done, this one included. */
  readonly step: number;
  /** Seconds since the epoch. */
  readonly time: number;
  /** Losses, rates and health figures by name; a figure that this batch does not have is left out. */
  readonly [metric: string]: number;
}

/** `metrics.jsonl`: one line per update. */
export class MetricLog {
  private constructor(readonly file: string) {}

  /**
   * Opens the log of a run that goes on after `step` updates: lines beyond it, which a kill left behind and the run is
   * about to write again, are taken out, and so is a torn last line.
   */
  static async open(file: string, step: number): Promise<MetricLog> {
    const records = await readMetrics(file);
    const kept = records.filter((record) => record.step <= step);
    await writeFileAtomic(file, kept.map((record) => `${JSON.stringify(record)}\n`).join(''));
    return new MetricLog(file);
  }

  async append(record: MetricRecord): Promise<void> {
    const { fs } = await node();
    await fs.appendFile(this.file, `${JSON.stringify(record)}\n`).catch((cause) => {
      throw saveError(this.file, cause);
    });
  }
}

/** The records of a log; lines that are no whole record are passed over. None where there is no file. */
export async function readMetrics(file: string): Promise<MetricRecord[]> {
  const { fs } = await node();
  const text = await fs.readFile(file, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    try {
      const record = JSON.parse(line) as MetricRecord;
      return Number.isInteger(record.step) ? [record] : [];
    } catch {
      return [];
    }
  });
}
