import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type CallOptions, EmuError } from '@emu-ts/base';
import { type BadRow, BadRows } from '@emu-ts/data';
import type { Executor } from '@emu-ts/graph';
import { flatten, type Param, type TensorSource } from '@emu-ts/params';
import {
  type DryRun,
  dryRun,
  type Pace,
  runRecipe,
  type StageRecipe,
  saveError,
  stageStep,
} from '@emu-ts/training';
import { type DecoderModel, openDecoder } from './decoder-model.js';
import { openModel, startingFrom, type TrainingModel } from './model.js';
import { type CliRecipe, type CliStage, from } from './recipe.js';
import { saveModel } from './save.js';
import { buildStage, findData, type StageContext, tagModelOf } from './stages.js';

export interface RunOptions extends CallOptions {
  readonly executor: Executor;
  /** Where relative paths of the recipe start. */
  readonly folder: string;
  readonly onBadRow?: ((row: BadRow) => void) | undefined;
}

export interface TrainRunOptions extends RunOptions {
  /** Each stage has a folder in here, and `model` is the result. */
  readonly out: string;
  /** Go on with what is in `out`; without it a folder that holds a run is refused. */
  readonly resume?: boolean | undefined;
  /** Executors that share the batches of an update; they stay the caller's. */
  readonly replicas?: readonly Executor[] | undefined;
  readonly onUpdate?: ((stage: StageRecipe, pace: Pace) => void) | undefined;
}

export interface TrainRunResult {
  /** The folder in the released layout. */
  readonly model: string;
  /** The last loss of each stage that was trained in this call. */
  readonly losses: Readonly<Record<string, number>>;
  readonly badRows: number;
}

interface Opened extends AsyncDisposable {
  readonly model: TrainingModel;
  readonly context: StageContext;
  readonly weights: TensorSource;
}

/**
 * Trains what a recipe says, stage after stage, and writes the result in the released layout.
 * @throws EmuError `RECIPE`, `FILE`, `RESUME`, `NOT_FINITE`, `SAVE` and what data and models throw
 */
export async function trainRecipe(recipe: CliRecipe, options: TrainRunOptions): Promise<TrainRunResult> {
  const { executor, replicas, out, onUpdate, signal } = options;
  await using opened = await open(recipe, options);
  await claim(out, recipe, options.resume ?? false);
  const { context } = opened;
  const losses: Record<string, number> = {};
  const stages = new Map(recipe.stages.map((stage) => [stage.name, stage]));
  const final = await runRecipe(recipe, {
    executor,
    replicas,
    dir: out,
    weights: opened.weights,
    build: (stage, weights) => buildStage(stages.get(stage.name) as CliStage, weights, context),
    onUpdate,
    onStage: ({ name }, { last }) => {
      if (last) losses[name] = last.loss;
    },
    signal,
  });
  try {
    const { checkpoint } = recipe.model;
    const beside = checkpoint === undefined ? undefined : from(options.folder, checkpoint);
    const model = path.join(out, 'model');
    await saveModel(model, final, { model: opened.model, decoder: context.decoder, beside, signal });
    return { model, losses, badRows: context.badRows.count };
  } finally {
    await final.close();
  }
}

export interface StageCost extends DryRun {
  readonly stage: string;
  readonly updates: number;
}

/** What every stage would take, from a few updates of its first batch. Nothing is written. */
export async function costRecipe(recipe: CliRecipe, options: RunOptions): Promise<StageCost[]> {
  await using opened = await open(recipe, options);
  const costs: StageCost[] = [];
  for (const stage of recipe.stages) {
    const parts = await buildStage(stage, opened.weights, opened.context);
    const { signal } = options;
    for await (const { tensors } of parts.data.open(undefined, { signal })) {
      const step = stageStep({ ...stage, data: undefined }, parts);
      const { executor } = options;
      const measured = await dryRun({ executor, step, weights: opened.weights, batch: tensors, signal });
      costs.push({ stage: stage.name, updates: stage.updates, ...measured });
      break;
    }
  }
  return costs;
}

async function open(recipe: CliRecipe, options: RunOptions): Promise<Opened> {
  const { executor, folder, onBadRow, signal } = options;
  const { seed } = recipe;
  const model = await openModel(recipe.model, { folder, seed, signal });
  let decoder: DecoderModel | undefined;
  const close = async () => {
    await decoder?.[Symbol.asyncDispose]();
    await model[Symbol.asyncDispose]();
  };
  try {
    const draws = recipe.stages.some(
      ({ objective }) => objective === 'diffusion' || objective === 'autoencoder',
    );
    if (draws) decoder = await openDecoder(recipe.model, { json: model.json, folder, seed, signal });
    const badRows = new BadRows({ onBadRow });
    const context = { model, decoder, executor, folder, seed, badRows };
    for (const stage of recipe.stages) await findData(stage, context);
    const probes = startingFrom(probesOf(recipe, model), undefined, seed);
    const encoder = joined(model.start, probes);
    const weights = decoder ? joined(encoder, decoder.start) : encoder;
    return { model, context, weights, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What stages that train on tags read them with. */
const probesOf = ({ stages }: CliRecipe, model: TrainingModel): Map<string, Param> => {
  const trees = stages.flatMap((stage) =>
    stage.objective === 'tagging' ? [tagModelOf(model, stage).params] : [],
  );
  return new Map(trees.flatMap((tree) => [...flatten(tree)]).filter(([name]) => name.startsWith('tagging.')));
};

const joined = (a: TensorSource, b: TensorSource): TensorSource => ({
  entries: new Map([...a.entries, ...b.entries]),
  read: (name, options) => (b.entries.has(name) ? b : a).read(name, options),
});

/** Makes the folder this recipe's own: a run goes on with the recipe that it began with. */
async function claim(out: string, recipe: CliRecipe, resume: boolean): Promise<void> {
  const file = path.join(out, 'recipe.json');
  const text = `${JSON.stringify(recipe, null, 2)}\n`;
  const begun = (await readdir(out).catch(() => [])).some((name) => /^\d+-/.test(name));
  const before = begun ? await readFile(file, 'utf8').catch(() => undefined) : undefined;
  if (before !== undefined && !resume)
    throw new EmuError('RESUME', `${out} already holds a run.`, {
      hint: 'Give --resume to go on with it, or another folder with --out.',
    });
  if (before !== undefined && before !== text)
    throw new EmuError(
      'RESUME',
      `The run in ${out} began with another recipe: ${difference(before, text)}.`,
      {
        hint: 'Compare its recipe.json, or choose another folder with --out.',
      },
    );
  try {
    await mkdir(out, { recursive: true });
    if (before === undefined) await writeFile(file, text);
  } catch (cause) {
    throw saveError(file, cause);
  }
}

/** The first line in which two texts differ. */
function difference(before: string, after: string): string {
  const [old, now] = [before.split('\n'), after.split('\n')];
  const at = old.findIndex((line, i) => line !== now[i]);
  return `it had ${old[at]?.trim() ?? 'nothing'}, now there is ${now[at]?.trim() ?? 'nothing'}`;
}
