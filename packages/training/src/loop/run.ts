import { EmuError } from '@emu-ts/base';
import type { TensorSource } from '@emu-ts/params';
import { type Json, type RunState, saveRun } from '../files/checkpoints.js';
import { saveFailure } from '../files/failure.js';
import type { MetricRecord } from '../files/metrics.js';
import { constant } from '../optimizer/schedule.js';
import { names } from '../step/names.js';
import { Journal } from './journal.js';
import { type LossScale, nextScale, startScale } from './loss-scale.js';
import type { TrainingBatch, TrainOptions } from './options.js';
import { type Figures, StepPrograms } from './programs.js';
import { TrainingState } from './state.js';

/** What one update was made of. */
interface Attempt {
  readonly figures: Figures;
  /** Everything was finite and the weights moved. */
  readonly applied: boolean;
  readonly batch: TrainingBatch;
}

/** Updates that may be left out in a row before `nonFinite: 'skip'` gives up. */
const patience = 20;

/** One call of `train`: the loop and what it remembers from update to update. */
export class Run {
  readonly state: TrainingState;
  readonly programs: StepPrograms;
  update: number;
  skipped: number;
  /** Where the data goes on after the last update. */
  #position: Json | undefined;
  #scale: LossScale | undefined;
  #savedAt: number | undefined;
  #failedInARow = 0;
  /** False while a step runs: state may be gone then. */
  #intact = true;

  constructor(
    readonly options: TrainOptions,
    source: TensorSource,
    saved: RunState | undefined,
  ) {
    this.state = new TrainingState(options.executor, options.step, source);
    this.programs = new StepPrograms(options.step, this.state);
    this.update = saved?.update ?? 0;
    this.skipped = saved?.skipped ?? 0;
    this.#position = saved?.data ?? undefined;
    this.#savedAt = saved?.update;
    if (options.step.lossScaling) this.#scale = saved?.lossScale ?? startScale(options.lossScale);
  }

  async train(): Promise<{ reason: 'done' | 'data'; last: MetricRecord | undefined }> {
    const { dir, updates, data, signal } = this.options;
    const journal = dir === undefined ? undefined : await Journal.open(dir, this.update);
    const batches = data.open(this.#position, { signal })[Symbol.asyncIterator]();
    let last: MetricRecord | undefined;
    try {
      while (this.update < updates) {
        signal?.throwIfAborted();
        const attempt = await this.#attempt(batches);
        if (!attempt) break;
        if (!attempt.applied) {
          await this.#failed(attempt);
          continue;
        }
        this.#failedInARow = 0;
        this.update++;
        this.#position = attempt.batch.position;
        last = await this.#record(attempt.figures, journal);
        if (this.update % (this.options.checkpointEvery ?? 1000) === 0) await this.#save(journal);
      }
      await this.#save(journal);
      return { reason: this.update < updates ? 'data' : 'done', last };
    } catch (error) {
      const saving = error instanceof EmuError && (error.code === 'SAVE' || error.code === 'NOT_FINITE');
      // Data or a caller's function failed, or the run was aborted: what was learnt so far is kept.
      if (this.#intact && !saving) await this.#save(journal).catch(() => {});
      throw error;
    } finally {
      await batches.return?.();
    }
  }

  /** Accumulates and updates once; undefined when the data has ended. */
  async #attempt(batches: AsyncIterator<TrainingBatch>): Promise<Attempt | undefined> {
    const { step } = this.options;
    const parts: Figures[] = [];
    for (let part = 1; part <= step.accumulate; part++) {
      const next = await batches.next();
      if (next.done) {
        this.state.dropAccumulated();
        return undefined;
      }
      const batch = next.value;
      this.#intact = false;
      const figures = await this.programs.run(batch.tensors, this.#scalars(part === step.accumulate));
      this.#intact = true;
      parts.push(figures);
      const broken = !Number.isFinite(figures.loss);
      if (broken) this.state.dropAccumulated();
      if (broken || part === step.accumulate)
        return { figures: meanOf(parts), applied: figures.applied === 1, batch };
    }
    throw new EmuError('OBJECTIVE', `Batches are accumulated ${step.accumulate} at a time: that is none.`);
  }

  #scalars(ends: boolean): Record<string, number> {
    const { step, schedule = constant, scalars } = this.options;
    const factor = schedule(this.update);
    return {
      ...scalars?.(this.update),
      ...Object.fromEntries(step.groups.map(({ name, rate }) => [names.rate(name), rate * factor])),
      [names.step]: this.update + 1,
      [names.update]: ends ? 1 : 0,
      [names.lossScale]: this.#scale?.scale ?? 1,
    };
  }

  /** A step that changed nothing: a smaller loss scale, a batch left out, or the end. */
  async #failed({ figures, batch }: Attempt): Promise<void> {
    const before = this.#position;
    const scale = this.#scale;
    this.#failedInARow++;
    this.skipped++;
    if (scale) this.#scale = nextScale(scale, false, this.options.lossScale);
    const overflow = scale !== undefined && scale.scale >= 1 && Number.isFinite(figures.loss);
    const skip = this.options.nonFinite === 'skip' && this.#failedInARow <= patience;
    if (overflow || skip) {
      this.#position = batch.position;
      return;
    }
    const update = this.update + 1;
    const { dir } = this.options;
    const what = Number.isFinite(figures.loss)
      ? 'the gradient norm is not finite'
      : `the loss is ${figures.loss}`;
    let kept = 'No directory was given, so nothing is kept.';
    if (dir !== undefined) {
      await this.#save(undefined);
      const place = await saveFailure(dir, {
        update,
        before: before ?? null,
        after: batch.position,
        figures,
        batch: batch.tensors,
      });
      kept = `The weights from before this step are saved, and its batch is in ${place}.`;
    }
    throw new EmuError('NOT_FINITE', `Update ${update}: ${what}. ${kept}`, {
      hint: 'Lower the rate or the clipping norm, or look at the batch.',
    });
  }

  async #record(figures: Figures, journal: Journal | undefined): Promise<MetricRecord> {
    if (this.#scale) this.#scale = nextScale(this.#scale, true, this.options.lossScale);
    const { schedule = constant, step, updates, onProgress, onUpdate, validation } = this.options;
    const factor = schedule(this.update - 1);
    const known = Object.entries(figures).filter(
      ([name, value]) => name !== 'applied' && Number.isFinite(value),
    );
    const record: MetricRecord = {
      step: this.update,
      time: Date.now() / 1000,
      ...Object.fromEntries(known),
      ...Object.fromEntries(step.groups.map(({ name, rate }) => [`rate.${name}`, rate * factor])),
      ...(this.#scale ? { loss_scale: this.#scale.scale } : {}),
      ...(validation && this.update % validation.every === 0 ? await this.#validate() : {}),
    };
    await journal?.write(record);
    onProgress?.({ phase: 'train', loaded: this.update, total: updates });
    onUpdate?.({ update: this.update, updates, secondsPerUpdate: this.#pace(record.time), record });
    return record;
  }

  /** Mean figures over the validation batches, by names that begin with `validation.`. */
  async #validate(): Promise<Record<string, number>> {
    const { validation, signal, scalars } = this.options;
    if (!validation) return {};
    const parts: Figures[] = [];
    for await (const batch of validation.data.open(undefined, { signal })) {
      parts.push(await this.programs.losses(batch.tensors, scalars?.(this.update) ?? {}));
      if (parts.length === validation.batches) break;
    }
    const mean = Object.entries(meanOf(parts)).filter(([, value]) => Number.isFinite(value));
    return Object.fromEntries(mean.map(([name, value]) => [`validation.${name}`, value]));
  }

  readonly #times: number[] = [];

  /** Seconds per update over the latest ones. */
  #pace(now: number): number {
    this.#times.push(now);
    if (this.#times.length > 50) this.#times.shift();
    const [first] = this.#times;
    return this.#times.length > 1 ? (now - first) / (this.#times.length - 1) : 0;
  }

  async #save(journal: Journal | undefined): Promise<void> {
    const { dir, keep, saveFrozen, seed = 0, onCheckpoint } = this.options;
    if (dir === undefined || this.#savedAt === this.update) return;
    const state: RunState = {
      update: this.update,
      data: this.#position ?? null,
      skipped: this.skipped,
      seed,
      ...(this.#scale ? { lossScale: this.#scale } : {}),
    };
    const saved = await saveRun(dir, this.state, state, { keep, frozen: saveFrozen });
    this.#savedAt = this.update;
    await journal?.draw();
    await onCheckpoint?.(saved, this.update);
  }
}

/** Each figure's mean over the batches that have it. */
function meanOf(parts: readonly Figures[]): Figures {
  const mean: Figures = {};
  for (const name of new Set(parts.flatMap((part) => Object.keys(part)))) {
    const values = parts.map((part) => part[name]).filter((value) => value !== undefined);
    const last = name === 'gradient_norm' || name === 'applied';
    // A figure that a batch does not have is NaN there; a loss that is NaN has to be seen.
    const counted = name === 'loss' ? values : values.filter((value) => !Number.isNaN(value));
    mean[name] = last ? values[values.length - 1] : counted.reduce((a, b) => a + b, 0) / counted.length;
  }
  return mean;
}
