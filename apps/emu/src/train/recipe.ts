import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { EmuError } from '@emu-ts/base';
import { taskNames } from '@emu-ts/data';
import { parseRecipe, type Recipe, type StageRecipe, schema } from '@emu-ts/training';

/** What the command line reads in a recipe beside stages: which model is trained, and which data by name. */

const { anything, list, number, object, oneOf, optional, record, text, textOr, variant } = schema;
const count = number({ min: 1, whole: true });
const share = number({ min: 0, max: 1 });

const model = object({
  /** A folder in the released layout to start from; absent: from nothing. */
  checkpoint: optional(text),
  /** Of that checkpoint; default `base`. */
  variant: optional(oneOf('base', 'instruct')),
  /** Sizes, as `config.json` of a checkpoint has them: a file, or its sections. Needed without a checkpoint. */
  config: optional(textOr(anything)),
  /** A SentencePiece model. Needed without a checkpoint. */
  tokenizer: optional(text),
  /** Train low-rank updates beside the weights. */
  lora: optional(object({ r: count, alpha: number({ min: 0 }), dropout: optional(share) })),
});

/** Every source has these. */
const common = {
  /** In a mixture: how often it is drawn from. Default 1. */
  weight: optional(number({ min: 0 })),
  /** Rows shuffled together. Default 1000. */
  shuffle: optional(count),
  /** Passes over the data. Default no end. */
  epochs: optional(count),
  /** More bad rows than this end the run. Default no limit. */
  maxBad: optional(number({ min: 0, whole: true })),
  /** How often an image comes before its text. Default 0.5. */
  imageFirst: optional(share),
};
const files = list(text, { min: 1 });
const columns = optional(object({ image: optional(text), text: optional(text) }));
const fewMost = schema.pair(count, count);

const sources = {
  folder: { folder: text, ...common },
  jsonl: { files, folder: optional(text), columns, ...common },
  parquet: { files, folder: optional(text), columns, ...common },
  webdataset: { files, ...common },
  mmc4: {
    files,
    folder: optional(text),
    minSimilarity: optional(number()),
    maxImages: optional(count),
    choose: optional(oneOf('first', 'random')),
    ...common,
  },
  webvid: { files, folder: optional(text), frames: optional(count), ...common },
  storyboards: {
    folder: text,
    subtitles: optional(text),
    maxFrames: optional(count),
    minFrames: optional(count),
    ...common,
  },
  instructions: { files, folder: optional(text), ...common },
  shapes: {
    weight: common.weight,
    /** Names, or weights by name. */
    tasks: optional(anything),
    form: optional(oneOf('document', 'dialogue')),
    split: optional(oneOf('train', 'test', 'any')),
    objects: optional(fewMost),
    count: optional(count),
  },
} as const;

const single = variant('source', sources);
const data = variant('source', {
  ...sources,
  mixture: { parts: record(single), until: optional(oneOf('all', 'first')) },
});

export type ModelRecipe = schema.Infer<typeof model>;
export type SourceRecipe = schema.Infer<typeof single>;
export type DataRecipe = schema.Infer<typeof data>;

/** A stage whose data was read as well. */
export type CliStage = Omit<StageRecipe, 'data'> & { readonly data: DataRecipe };

export interface CliRecipe extends Omit<Recipe, 'model' | 'stages'> {
  readonly seed: number;
  readonly model: ModelRecipe;
  readonly stages: readonly CliStage[];
}

const taught = ['interleaved', 'contrastive', 'diffusion', 'autoencoder'];

/** @throws EmuError `RECIPE` with everything that is wrong in the first part that is */
export function readRecipe(json: unknown): CliRecipe {
  const recipe = parseRecipe(json);
  const read = {
    ...recipe,
    seed: recipe.seed ?? 0,
    model: schema.parse(model, recipe.model ?? {}, "The recipe's model", 'RECIPE'),
    stages: recipe.stages.map((stage) => ({
      ...stage,
      data: schema.parse(data, stage.data, `The data of stage '${stage.name}'`, 'RECIPE'),
    })),
  };
  for (const { name, objective, data: given } of read.stages) {
    if (!taught.includes(objective))
      throw new EmuError(
        'RECIPE',
        `Stage '${name}' has the objective '${objective}', which the command line cannot build: it trains ${taught.join(', ')}.`,
        { hint: 'Call runRecipe of @emu-ts/training with parts of your own.' },
      );
    for (const part of given.source === 'mixture' ? Object.values(given.parts) : [given])
      if (part.source === 'shapes') checkTasks(name, part.tasks);
  }
  const { checkpoint, config, tokenizer } = read.model;
  if (!checkpoint && !(config && tokenizer))
    throw new EmuError('RECIPE', "The recipe's model needs a 'checkpoint', or a 'config' and a 'tokenizer'.");
  return read;
}

function checkTasks(stage: string, tasks: unknown): void {
  const named = Array.isArray(tasks) ? tasks : Object.keys((tasks as object | undefined) ?? {});
  const unknown = named.find((name) => !(taskNames as readonly unknown[]).includes(name));
  if (unknown !== undefined)
    throw new EmuError(
      'RECIPE',
      `Stage '${stage}' names the task ${JSON.stringify(unknown)}; there are ${taskNames.join(', ')}.`,
    );
}

/** A file of JSON, whose mistakes are told with its name. */
export async function readJsonFile(file: string, signal?: AbortSignal): Promise<unknown> {
  const content = await readFile(file, { encoding: 'utf8', signal }).catch((cause) => {
    signal?.throwIfAborted();
    throw new EmuError('FILE', `There is no file '${file}' that can be read.`, { cause });
  });
  try {
    return JSON.parse(content);
  } catch (cause) {
    throw new EmuError('RECIPE', `${file} is no JSON: ${(cause as Error).message}.`, { cause });
  }
}

/** Paths of a recipe start from the recipe's folder. */
export const from = (folder: string, file: string): string =>
  path.isAbsolute(file) || /^https?:/.test(file) ? file : path.join(folder, file);
