import { EmuError } from '@emu-ts/base';
import {
  anything,
  flag,
  type Infer,
  list,
  number,
  numberOr,
  object,
  oneOf,
  optional,
  pair,
  parse,
  record,
  text,
} from './schema.js';

/**
 * A recipe is a training run as data: stages one after the other, each with its own objective, data, rates, frozen parts
 * and loss weights. What `model` and `data` mean is the caller's business.
 */

const count = number({ min: 1, whole: true });
const share = number({ min: 0, max: 1 });
const positive = number({ min: 0 });

/** A number that changes over a stage: constant, or points `[update, value]` joined by straight lines. */
const ramp = numberOr(positive, list(pair(number({ min: 0, whole: true }), positive), { min: 1 }));

const group = object({
  name: text,
  match: list(text, { min: 1 }),
  rate: positive,
  weightDecay: optional(positive),
});

const optimizer = object({
  /** Default 0.9 and 0.98. */
  betas: optional(pair(share, share)),
  /** Default 1e-6. */
  eps: optional(positive),
  /** Default 0.05. */
  weightDecay: optional(positive),
  groups: list(group, { min: 1 }),
  muon: optional(list(text)),
  /** Of Muon; default 0.95. */
  momentum: optional(share),
  noDecay: optional(list(text)),
  clipNorm: optional(positive),
});

const schedule = object({
  kind: oneOf('constant', 'cosine', 'linear', 'milestones'),
  /** Updates; below 1 a share of the stage. */
  warmup: optional(positive),
  /** The factor at the end. */
  final: optional(share),
  /** Of `milestones`: the factor from an update on. */
  factors: optional(record(positive)),
});

const stage = object({
  name: text,
  objective: oneOf('interleaved', 'contrastive', 'tagging', 'diffusion', 'autoencoder'),
  updates: count,
  /** Sequences of one batch. */
  batch: count,
  accumulate: optional(count),
  data: optional(anything),
  optimizer,
  schedule: optional(schedule),
  trainable: optional(list(text, { min: 1 })),
  frozen: optional(list(text)),
  rows: optional(record(number({ min: 0, whole: true }))),
  /** Loss weights by name, such as `text` and `image`. */
  weights: optional(record(ramp)),
  /** Share of image embeddings that the model reads as its own prediction. */
  scheduledSampling: optional(ramp),
  superviseImageOpen: optional(flag),
  answersOnly: optional(flag),
  imagesLogged: optional(number({ min: 0, whole: true })),
  /** Everything that a picture can be labelled with; what it is not labelled with, it does not show. */
  tags: optional(list(text, { min: 1 })),
  /** Share of conditions that are left out. Default 0.1. */
  dropRate: optional(share),
  /** How pixels are compared. Default `absolute`. */
  reconstruction: optional(oneOf('absolute', 'squared')),
  precision: optional(oneOf('f32', 'f16', 'bf16')),
  ema: optional(share),
  /** Recompute activations in so many segments. */
  segments: optional(count),
  checkpointEvery: optional(count),
  keep: optional(count),
});

const recipe = object({
  name: text,
  seed: optional(number({ min: 0, whole: true })),
  model: optional(anything),
  stages: list(stage, { min: 1 }),
});

/** Keys that only some objectives know. */
const keysOf: Partial<Record<keyof StageRecipe, StageRecipe['objective']>> = {
  scheduledSampling: 'interleaved',
  superviseImageOpen: 'interleaved',
  answersOnly: 'interleaved',
  imagesLogged: 'interleaved',
  tags: 'tagging',
  dropRate: 'diffusion',
  reconstruction: 'autoencoder',
};

export type Ramp = Infer<typeof ramp>;
export type ScheduleRecipe = Infer<typeof schedule>;
export type StageRecipe = Infer<typeof stage>;
export type Recipe = Infer<typeof recipe>;

/**
 * Reads a recipe from JSON. Throws `RECIPE` with everything that is wrong with it: unknown keys (and what was probably
 * meant), missing ones, values out of range; then keys of another objective, two stages of one name.
 */
export function parseRecipe(json: unknown): Recipe {
  const read = parse(recipe, json, 'The recipe', 'RECIPE');
  const misplaced = read.stages.flatMap((stage, i) =>
    Object.entries(keysOf)
      .filter(([key, objective]) => key in stage && objective !== stage.objective)
      .map(
        ([key, objective]) =>
          `'stages[${i}].${key}' is for ${objective} stages, this one is ${stage.objective}`,
      ),
  );
  if (misplaced.length) throw new EmuError('RECIPE', `The recipe: ${misplaced.join('; ')}.`);
  const names = read.stages.map(({ name }) => name);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated) throw new EmuError('RECIPE', `The recipe: two stages are named '${repeated}'.`);
  return read;
}
