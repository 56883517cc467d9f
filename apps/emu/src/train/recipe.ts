import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { EmuError } from '@emu-ts/base';
import { parseRecipe, type Recipe, type StageRecipe, schema } from '@emu-ts/training';
import {
  checkWorld,
  type LabelData,
  labelData,
  partsOf,
  type SequenceData,
  sequenceData,
  tagsOf,
} from './recipe-data.js';

/** What the command line reads in a recipe beside stages: which model is trained, and which data by name. */

const { anything, number, object, oneOf, optional, text, textOr } = schema;
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

/** Sections of a configuration that is written out in the recipe. */
const sections = object({
  emu: optional(anything),
  t5: optional(anything),
  llama: optional(anything),
  lora: optional(anything),
  unet: optional(anything),
  vae: optional(anything),
  scheduler: optional(anything),
});

/** The parts of a loss that a stage can weigh. */
const weighed = {
  interleaved: object({ text: optional(anything), image: optional(anything) }),
  autoencoder: object({ kl: optional(anything) }),
  contrastive: object({}),
  tagging: object({}),
  diffusion: object({}),
} as const;

export type ModelRecipe = schema.Infer<typeof model>;

type Objective = StageRecipe['objective'];
type Numbers = Omit<StageRecipe, 'data' | 'objective'>;

/** A stage whose data was read as well. */
export type SequenceStage = Numbers & {
  readonly objective: Exclude<Objective, 'tagging'>;
  readonly data: SequenceData;
};
export type TagStage = Numbers & { readonly objective: 'tagging'; readonly data: LabelData };
export type CliStage = SequenceStage | TagStage;

export interface CliRecipe extends Omit<Recipe, 'model' | 'stages'> {
  readonly seed: number;
  readonly model: ModelRecipe;
  readonly stages: readonly CliStage[];
}

/** @throws EmuError `RECIPE` with everything that is wrong in the first part that is */
export function readRecipe(json: unknown): CliRecipe {
  const recipe = parseRecipe(json);
  const read = {
    ...recipe,
    seed: recipe.seed ?? 0,
    model: schema.parse(model, recipe.model ?? {}, "The recipe's model", 'RECIPE'),
    stages: recipe.stages.map(readStage),
  };
  const { checkpoint, config, tokenizer } = read.model;
  if (!checkpoint && !(config && tokenizer))
    throw new EmuError('RECIPE', "The recipe's model needs a 'checkpoint', or a 'config' and a 'tokenizer'.");
  if (config !== undefined && typeof config !== 'string')
    schema.parse(sections, config, "The 'config' of the recipe's model", 'RECIPE');
  return read;
}

function readStage({ objective, data, ...stage }: StageRecipe): CliStage {
  const { name, weights } = stage;
  schema.parse(weighed[objective], weights ?? {}, `The weights of stage '${name}' (${objective})`, 'RECIPE');
  const what = `The data of stage '${name}'`;
  if (objective === 'tagging') {
    const read = { ...stage, objective, data: schema.parse(labelData, data, what, 'RECIPE') };
    for (const part of partsOf(read.data)) if (part.source === 'shapes') checkWorld(name, part);
    tagsOf(read);
    return read;
  }
  const read = { ...stage, objective, data: schema.parse(sequenceData, data, what, 'RECIPE') };
  for (const part of partsOf(read.data)) if (part.source === 'shapes') checkWorld(name, part);
  return read;
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
