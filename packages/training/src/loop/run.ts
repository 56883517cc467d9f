import { EmuError } from '@emu-ts/base';
import type { TensorSource } from '@emu-ts/params';
import { type Json, type RunState, saveRun } from '../files/checkpoints.js';
import { saveFailure } from '../files/failure.js';
import type { MetricRecord } from '../files/metrics.js';
import { constant } from '../optimizer/schedule.js';
import { WorkerPool } from '../parallel/pool.js';
import { Replicas } from '../parallel/replicas.js';
import type { GradientPool } from '../parallel/sum.js';
import { names } from '../step/names.js';
import { ahead } from './ahead.js';
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
  readonly batches: readonly TrainingBatch[];
  /** Where the data goes on after them. */
  readonly position: Json;
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
  #pool: GradientPool | undefined;
  /** False while a step runs: state may be gone then. */
  #intact = true;

  constructor(
    readonly options: TrainOptions,
    source: TensorSource,
    saved: RunState | undefined,
  ) {
    this.state = new TrainingState(options.executor, options.step, source);
    this.programs = new StepPrograms(options.step, this.state, options.programs);
    this.update = saved?.update ?? 0;
    this.skipped = saved?.skipped ?? 0;
    this.#position = saved?.data ?? undefined;
    this.#savedAt = saved?.update;
    if (options.step.lossScaling) this.#scale = saved?.lossScale ?? startScale(options.lossScale);
  }

  async train(): Promise<{ reason: 'done' | 'data'; last: MetricRecord | undefined }> {
    const { dir, updates, data, signal } = this.options;
    await using pool = await this.#openPool();
    this.#pool = pool;
    const journal = dir === undefined ? undefined : await Journal.open(dir, this.update);
    const batches = ahead(data.open(this.#position, { signal })[Symbol.asyncIterator]());
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
        this.#position = attempt.position;
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

  async #openPool(): Promise<GradientPool | undefined> {
    const { workers, replicas, programs, signal } = this.options;
    if (workers && replicas)
      throw new EmuError('WORKER', 'Both workers and replicas are given; gradients come from one of them.');
    if (workers) return WorkerPool.start(workers, this.state, signal);
    return replicas && Replicas.start(replicas, this.state, programs);
  }

  /** One update, from as many batches as the step accumulates; undefined when the data has ended. */
  async #attempt(source: AsyncIterator<TrainingBatch>): Promise<Attempt | undefined> {
    const { step } = this.options;
    const scalars = this.#scalars();
    if (step.accumulate === 1 && !this.#pool) {
      const next = await source.next();
      if (next.done) return undefined;
      const figures = await this.#guarded(() => this.programs.update(next.value.tensors, scalars));
      return attemptOf(figures, [next.value]);
    }
    const batches: TrainingBatch[] = [];
    let parts: Figures[] = [];
    while (batches.length < step.accumulate) {
      const next = await source.next();
      if (next.done) {
        this.state.dropAccumulated();
        return undefined;
      }
      batches.push(next.value);
      if (this.#pool) continue;
      const figures = await this.#guarded(() => this.programs.accumulate(next.value.tensors, scalars));
      parts.push(figures);
      if (!Number.isFinite(figures.loss)) break;
    }
    if (this.#pool) {
      const { figures, gradients } = await this.#pool.sum(
        batches.map(({ tensors }) => tensors),
        scalars,
        this.options.signal,
      );
      await this.state.accumulate(gradients);
      parts = figures;
    }
    const figures = meanOf(parts);
    if (!Number.isFinite(figures.loss)) {
      this.state.dropAccumulated();
      return attemptOf(figures, batches);
    }
    const reached = this.state.accumulated();
    const last = await this.#guarded(() => this.programs.finish({ ...scalars, [names.loss]: figures.loss }));
    await this.#pool?.refresh(reached);
    return attemptOf({ ...figures, ...last }, batches);
  }

  /** A call after whose failure state may be gone. */
  async #guarded<R>(call: () => Promise<R>): Promise<R> {
    this.#intact = false;
    const result = await call();
    this.#intact = true;
    return result;
  }

  #scalars(): Record<string, number> {
    const { step, schedule = constant, scalars } = this.options;
    const factor = schedule(this.update);
    return {
      ...scalars?.(this.update),
      ...Object.fromEntries(step.groups.map(({ name, rate }) => [names.rate(name), rate * factor])),
      [names.step]: this.update + 1,
      [names.lossScale]: this.#scale?.scale ?? 1,
    };
  }

  /** A step that changed nothing: a smaller loss scale, a batch left out, or the end. */
  async #failed({ figures, batches, position }: Attempt): Promise<void> {
    const before = this.#position;
    const scale = this.#scale;
    this.#failedInARow++;
    this.skipped++;
    if (scale) this.#scale = nextScale(scale, false, this.options.lossScale);
    const overflow = scale !== undefined && scale.scale >= 1 && Number.isFinite(figures.loss);
    const skip = this.options.nonFinite === 'skip' && this.#failedInARow <= patience;
    if (overflow || skip) {
      this.#position = position;
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
        after: position,
        figures,
        batches: batches.map(({ tensors }) => tensors),
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

const attemptOf = (figures: Figures, batches: readonly TrainingBatch[]): Attempt => ({
  figures,
  applied: figures.applied === 1,
  batches,
  position: batches[batches.length - 1].position,
});

/** Each figure's mean over the batches that have it. */
function meanOf(parts: readonly Figures[]): Figures {
  const mean: Figures = {};
  for (const name of new Set(parts.flatMap((part) => Object.keys(part)))) {
    const values = parts.map((part) => part[name]).filter((value) => value !== undefined);
    // A figure that a batch does not have is NaN there; a loss that is NaN has to be seen.
    const counted = name === 'loss' ? values : values.filter((value) => !Number.isNaN(value));
    mean[name] = counted.reduce((a, b) => a + b, 0) / counted.length;
  }
  return mean;
}
