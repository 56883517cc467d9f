import { existsSync } from 'node:fs';
import type { Goldens } from './goldens.js';

/** Text that the reference wrote: `generation.json`. */
export interface GenerationCase {
  readonly prompts: readonly string[];
  /** The first so many pictures of the folder, over all prompts in order; null for none. */
  readonly images: number | null;
  readonly options: Readonly<Record<string, unknown>>;
  /** One row per prompt and returned sequence, padded to one length. */
  readonly ids: readonly (readonly number[])[];
  readonly text: readonly string[];
}

/** Answers that the reference put in order. */
export interface RankCase {
  readonly prompts: readonly string[];
  readonly images: number | null;
  readonly candidates: readonly string[];
  /** Indices of the candidates, the most likely first; one row per prompt. */
  readonly rank: readonly (readonly number[])[];
}

/** A prompt whose image embeddings are `generate_image.NAME`. */
export interface DrawingCase {
  /** The rows of one batch. */
  readonly text: readonly string[];
  readonly images: number;
  /** What stands for a picture in the texts. */
  readonly placeholder: string;
}

/** A picture that the reference drew, from texts and `images/N.png`: `pipeline.json`. */
export interface PipelineCase {
  readonly inputs: readonly string[];
  readonly guidance_scale: number;
  readonly num_inference_steps: number;
  readonly height: number;
  readonly width: number;
}

type Cases<T> = [name: string, wanted: T][];

export interface GoldenCases {
  readonly generation: Cases<GenerationCase>;
  readonly rank: Cases<RankCase>;
  /** By name without `generate_image.`. */
  readonly drawing: Cases<DrawingCase>;
  readonly pipeline: Cases<PipelineCase>;
}

/** Every case of a goldens folder, told apart by what it holds. */
export async function goldenCases({ json }: Goldens): Promise<GoldenCases> {
  const all = Object.entries(await json<Record<string, object>>('generation.json'));
  const having = <T>(...fields: string[]): Cases<T> =>
    all.filter(([, found]) => fields.every((field) => field in found)) as Cases<object> as Cases<T>;
  return {
    generation: having('prompts', 'ids'),
    rank: having('prompts', 'candidates', 'rank'),
    drawing: having<DrawingCase>('text', 'placeholder').map(([name, found]) => [
      name.replace(/^generate_image\./, ''),
      found,
    ]),
    pipeline: Object.entries(await json<Record<string, PipelineCase>>('pipeline.json')),
  };
}

/** `images/0.png`, `images/1.png` …, as many as there are. */
export function goldenImages({ path }: Goldens): string[] {
  const images: string[] = [];
  while (existsSync(path('images', `${images.length}.png`)))
    images.push(path('images', `${images.length}.png`));
  return images;
}

/** The options of a generation case in our names. What is left out has the default of the reference's `generate`. */
export function generationOptions(options: GenerationCase['options']) {
  const {
    num_beams: beams = 5,
    max_new_tokens: maxNewTokens = 50,
    min_length: minLength = 1,
    length_penalty: lengthPenalty = 0,
    repetition_penalty: repetitionPenalty = 1,
    no_repeat_ngram_size: noRepeatNgram = 0,
    num_captions: sequences = 1,
    ...others
  } = options as Readonly<Record<string, number>>;
  const { allowed_sequences, ...unknown } = others as {
    readonly allowed_sequences?: readonly (readonly number[])[];
  };
  if (Object.keys(unknown).length)
    throw new Error(`generation.json asks for ${Object.keys(unknown)}, which no test understands.`);
  return {
    options: { beams, maxNewTokens, minLength, lengthPenalty, repetitionPenalty, noRepeatNgram, sequences },
    allowedSequences: allowed_sequences,
  };
}
