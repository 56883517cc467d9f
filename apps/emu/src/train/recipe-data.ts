import { EmuError } from '@emu-ts/base';
import { colourNames, questionKinds, sceneLabels, shapeNames, sizeNames, taskNames } from '@emu-ts/data';
import { schema } from '@emu-ts/training';

/** Which data a stage of a recipe reads, by name: sequences, or labelled pictures for stages that train on tags. */

const { anything, list, number, object, oneOf, optional, pair, record, text, variant } = schema;
const count = number({ min: 1, whole: true });
const share = number({ min: 0, max: 1 });

/** Every source of files has these. */
const rows = {
  /** In a mixture: how often it is drawn from. Default 1. */
  weight: optional(number({ min: 0 })),
  /** Rows shuffled together. Default 1000. */
  shuffle: optional(count),
  /** Passes over the data. Default no end. */
  epochs: optional(count),
  /** More bad rows than this end the run. Default no limit. */
  maxBad: optional(number({ min: 0, whole: true })),
};
const common = {
  ...rows,
  /** How often an image comes before its text. Default 0.5. */
  imageFirst: optional(share),
};
const files = list(text, { min: 1 });
const place = { files, folder: optional(text) };
const names = <const T extends string>(known: readonly T[]) => optional(list(oneOf(...known), { min: 1 }));

const shapes = {
  weight: rows.weight,
  /** Names, or weights by name. */
  tasks: optional(anything),
  /** Kinds of question, or weights by kind. */
  questions: optional(anything),
  split: optional(oneOf('train', 'test', 'any')),
  objects: optional(pair(count, count)),
  shapes: names(shapeNames),
  colours: names(colourNames),
  sizes: names(sizeNames),
  style: optional(
    object({
      antialias: optional(share),
      outline: optional(share),
      turned: optional(share),
      gradient: optional(share),
      noise: optional(share),
    }),
  ),
  count: optional(count),
};

const columns = optional(object({ image: optional(text), text: optional(text) }));
const sequences = {
  folder: { folder: text, ...common },
  jsonl: { ...place, columns, ...common },
  parquet: { ...place, columns, ...common },
  webdataset: { files, ...common },
  mmc4: {
    ...place,
    minSimilarity: optional(number()),
    maxImages: optional(count),
    choose: optional(oneOf('first', 'random')),
    ...common,
  },
  webvid: { ...place, frames: optional(count), ...common },
  storyboards: {
    folder: text,
    subtitles: optional(text),
    maxFrames: optional(count),
    minFrames: optional(count),
    ...common,
  },
  instructions: { ...place, ...common },
  shapes: { ...shapes, form: optional(oneOf('document', 'dialogue')) },
} as const;

const labelColumns = optional(object({ image: optional(text), labels: optional(text) }));
const labels = {
  /** The caption of each picture is its labels, with commas. */
  folder: { folder: text, ...rows },
  jsonl: { ...place, columns: labelColumns, ...rows },
  parquet: { ...place, columns: labelColumns, ...rows },
  /** As in a folder. */
  webdataset: { files, ...rows },
  shapes,
} as const;

const until = optional(oneOf('all', 'first'));
const sequencePart = variant('source', sequences);
const labelPart = variant('source', labels);
export const sequenceData = variant('source', {
  ...sequences,
  mixture: { parts: record(sequencePart), until },
});
export const labelData = variant('source', { ...labels, mixture: { parts: record(labelPart), until } });

export type SequencePart = schema.Infer<typeof sequencePart>;
export type SequenceData = schema.Infer<typeof sequenceData>;
export type LabelPart = schema.Infer<typeof labelPart>;
export type LabelData = schema.Infer<typeof labelData>;

/** The sources of a mixture, or the only one. */
export function partsOf(data: SequenceData): readonly SequencePart[];
export function partsOf(data: LabelData): readonly LabelPart[];
export function partsOf(data: SequenceData | LabelData): readonly (SequencePart | LabelPart)[] {
  return data.source === 'mixture' ? Object.values(data.parts) : [data];
}

/** @throws EmuError `RECIPE` for a task or a kind of question that the shapes world does not have */
export function checkWorld(
  stage: string,
  { tasks, questions }: { tasks?: unknown; questions?: unknown },
): void {
  checkNames(stage, 'task', taskNames, tasks);
  checkNames(stage, 'kind of question', questionKinds, questions);
}

function checkNames(stage: string, what: string, known: readonly unknown[], wanted: unknown): void {
  const named = Array.isArray(wanted) ? wanted : Object.keys((wanted as object | undefined) ?? {});
  const unknown = named.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new EmuError(
      'RECIPE',
      `Stage '${stage}' names the ${what} ${JSON.stringify(unknown)}; there are ${known.join(', ')}.`,
    );
}

/**
 * What the pictures of a stage can be labelled with: what it says itself, or all words of the shapes world.
 * @throws EmuError `RECIPE`
 */
export function tagsOf({
  name,
  tags,
  data,
}: {
  readonly name: string;
  readonly tags?: readonly string[] | undefined;
  readonly data: LabelData;
}): readonly string[] {
  const parts = partsOf(data);
  const others = parts.filter(({ source }) => source !== 'shapes');
  if (!tags && others.length === 0) return sceneLabels;
  if (!tags)
    throw new EmuError(
      'RECIPE',
      `Stage '${name}' reads labels from ${others[0].source} and does not say which there are.`,
      { hint: "List them all in 'tags'." },
    );
  const twice = tags.find((tag, i) => tags.indexOf(tag) !== i);
  if (twice !== undefined) throw new EmuError('RECIPE', `Stage '${name}' lists the tag '${twice}' twice.`);
  const strange = others.length === 0 ? tags.find((tag) => !sceneLabels.includes(tag)) : undefined;
  if (strange === undefined) return tags;
  throw new EmuError(
    'RECIPE',
    `Stage '${name}' lists the tag '${strange}'; the shapes world has ${sceneLabels.join(', ')}.`,
  );
}
