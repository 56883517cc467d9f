import path from 'node:path';
import { EmuError } from '@emu-ts/base';
import { type CliRecipe, readJsonFile, readRecipe } from './recipe.js';

/** How instruction data is tuned on without a recipe. */
export interface FinetuneDefaults {
  readonly updates: number;
  readonly batch: number;
  readonly accumulate: number;
  readonly rate: number;
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly seed: number;
}

/**
 * The recipe of `emu finetune MODEL FILE`. A file with stages is a recipe, which starts from the model; any other is
 * instruction data, tuned on as Emu-I was: low-rank updates of the attention projections, their inputs thinned out, and a
 * loss on what the assistant says alone.
 * @throws EmuError `FILE`, `RECIPE`
 */
export async function finetuneRecipe(
  model: string,
  file: string,
  defaults: FinetuneDefaults,
  signal: AbortSignal,
): Promise<{ readonly recipe: CliRecipe; readonly folder: string }> {
  const { rank, alpha, dropout, seed } = defaults;
  const lora = { r: rank, alpha, dropout };
  const checkpoint = path.resolve(model);
  const given = /\.json$/.test(file) ? await readJsonFile(file, signal) : undefined;
  if (isObject(given) && 'stages' in given) {
    const own = isObject(given.model) ? given.model : {};
    const recipe = readRecipe({ ...given, model: { lora, ...own, checkpoint } });
    return { recipe, folder: path.dirname(file) };
  }
  if (isObject(given))
    throw new EmuError('RECIPE', `${file} is neither a recipe (it has no 'stages') nor a list of dialogues.`);
  const recipe = readRecipe({
    name: `tune-${path.parse(file).name}`,
    seed,
    model: { checkpoint, lora },
    stages: [instructionStage(path.resolve(file), defaults)],
  });
  return { recipe, folder: path.dirname(file) };
}

const instructionStage = (file: string, { updates, batch, accumulate, rate }: FinetuneDefaults) => ({
  name: 'tune',
  objective: 'interleaved',
  updates,
  batch,
  accumulate,
  answersOnly: true,
  data: { source: 'instructions', files: [file] },
  trainable: ['**.lora_A.**', '**.lora_B.**'],
  optimizer: {
    weightDecay: 0,
    groups: [{ name: 'lora', match: ['**'], rate }],
    clipNorm: 1,
  },
  schedule: { kind: 'cosine', warmup: 0.05 },
  checkpointEvery: Math.max(1, Math.floor(updates / 10)),
});

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
