import { node, saveError, writeFileAtomic } from '../files/atomic.js';
import { renderCurves } from '../files/curves.js';
import { MetricLog, type MetricRecord, readMetrics } from '../files/metrics.js';
import { TensorBoardLog } from '../files/tensorboard.js';

/** What a run writes down as it goes: `metrics.jsonl`, event files in `tensorboard/`, and `curves.svg`. */
export class Journal {
  private constructor(
    readonly dir: string,
    readonly metrics: MetricLog,
    readonly board: TensorBoardLog,
  ) {}

  /** @param step updates already done */
  static async open(dir: string, step: number): Promise<Journal> {
    const { fs, path } = await node();
    await fs.mkdir(dir, { recursive: true }).catch((cause) => {
      throw saveError(dir, cause);
    });
    return new Journal(
      dir,
      await MetricLog.open(path.join(dir, 'metrics.jsonl'), step),
      await TensorBoardLog.open(path.join(dir, 'tensorboard'), step),
    );
  }

  async write(record: MetricRecord): Promise<void> {
    const { step, time, ...scalars } = record;
    await this.metrics.append(record);
    await this.board.append({ step, time, scalars });
  }

  async draw(): Promise<void> {
    const { path } = await node();
    const records = await readMetrics(this.metrics.file);
    await writeFileAtomic(path.join(this.dir, 'curves.svg'), renderCurves(records));
  }
}
