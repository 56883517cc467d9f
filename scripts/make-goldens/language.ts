import { type HostTensor, tensor } from '@emu-ts/base';
import type { LanguageModel } from '@emu-ts/contracts';
import { interpreter } from '@emu-ts/graph';
import {
  allowSequences,
  embedPrompts,
  generate,
  languageModel,
  llamaModel,
  type Prompt,
  padSequences,
  rank,
} from '@emu-ts/language-model';
import { tensorSource } from '@emu-ts/params';
import { generateImageEmbeddings, linearHead, regressionHead } from '@emu-ts/regression-head';
import { imageMarker } from '@emu-ts/sequence';
import type { Model } from './model.js';
import type { GenerationRecipe, Recipe } from './recipe.js';
import type { Tensors } from './weights.js';

export interface LanguageGoldens {
  readonly activations: Tensors;
  /** What each pipeline's picture is made of: the prompt's row, then the empty prompt's where there is guidance. */
  readonly conditions: Tensors;
  /** `generation.json` */
  readonly generation: Readonly<Record<string, unknown>>;
}

/** Everything that the language model says, and the embeddings it draws with. */
export async function languageGoldens(
  model: Model,
  weights: Tensors,
  seen: HostTensor,
): Promise<LanguageGoldens> {
  const { recipe, tokenizer } = model;
  const executor = interpreter();
  const source = tensorSource(weights);
  await using language = await languageModel({ executor, model: llamaModel(model.llama), source });
  await using head = await regressionHead({ executor, model: linearHead(model.llama), source });
  const mind = { ...model, language, seen };

  const generation: Record<string, unknown> = {};
  for (const [name, wanted] of Object.entries(recipe.generation))
    generation[name] = await generated(mind, wanted);
  generation.predict_rank = await ranked(mind, recipe.rank);

  const draw = async (marked: readonly string[], images: readonly number[]) => {
    const text = marked.map((row) => `${row.replaceAll(imageMarker, placeholder(model))}[IMG]`);
    const prompts = await promptOf(mind, text, images);
    return (await generateImageEmbeddings(language, head, { prompts, queries: model.format.queries }))
      .embeddings;
  };
  const activations: Tensors = new Map();
  for (const [name, { text, images }] of Object.entries(recipe.drawings)) {
    activations.set(`generate_image.${name}`, await draw(text, firstPictures(images)));
    generation[`generate_image.${name}`] = { text, images, placeholder: imageMarker };
  }
  const conditions: Tensors = new Map();
  for (const [name, { inputs, guidance_scale }] of Object.entries(recipe.pipelines)) {
    const pictures = inputs.flatMap((item) => pictureOf(item) ?? []);
    const text = inputs.map((item) => (pictureOf(item) === undefined ? item : imageMarker)).join('');
    conditions.set(name, await draw(guidance_scale > 1 ? [text, ''] : [text], pictures));
  }
  generation.tokenizer = { len: tokenizer.size, special: Object.fromEntries(tokenizer.special) };
  return { activations, conditions, generation };
}

/** The number of the picture an input of a pipeline names. */
function pictureOf(item: string): number | undefined {
  const [, number] = /^images\/(\d+)\.png$/.exec(item) ?? [];
  return number === undefined ? undefined : Number(number);
}

const firstPictures = (count: number | null): number[] => Array.from({ length: count ?? 0 }, (_, i) => i);

interface Mind extends Model {
  readonly language: LanguageModel;
  /** Image embeddings of every picture, `[n queries width]`. */
  readonly seen: HostTensor;
}

export const placeholder = ({ format }: Model): string => format.render([{ type: 'image', image: 0 }]);

/** Left-padded rows with pictures, by number, in their places. */
function promptOf(
  { language, tokenizer, seen }: Mind,
  texts: readonly string[],
  pictures: readonly number[],
): Promise<Prompt> {
  const id = (token: string) => tokenizer.special.get(token) as number;
  const [, queries, width] = seen.shape;
  const size = queries * width;
  const embeddings = tensor('f32', [pictures.length * queries, width]);
  pictures.forEach((picture, i) => {
    embeddings.data.set((seen.data as Float32Array).subarray(picture * size, (picture + 1) * size), i * size);
  });
  const rows = texts.map((text) => tokenizer.encode(text));
  return embedPrompts(language, rows, {
    pad: id('[PAD]'),
    visual: pictures.length ? { token: id('<image>'), embeddings } : undefined,
  });
}

const expand = (model: Model, prompts: readonly string[]) =>
  prompts.map((prompt) => prompt.replaceAll('{image}', placeholder(model)));

async function generated(mind: Mind, { prompts: marked, images, options, answers }: GenerationRecipe) {
  const { tokenizer, language } = mind;
  const prompts = expand(mind, marked);
  const allowed = answers?.map((answer) => tokenizer.encode(answer, { bos: false, eos: true }));
  const tokens = {
    begin: tokenizer.bosId,
    end: tokenizer.eosId,
    pad: tokenizer.special.get('[PAD]') as number,
  };
  const found = await generate(language, await promptOf(mind, prompts, firstPictures(images)), {
    tokens,
    beams: options.num_beams ?? 5,
    maxNewTokens: options.max_new_tokens ?? 50,
    minLength: options.min_length,
    lengthPenalty: options.length_penalty,
    repetitionPenalty: options.repetition_penalty,
    noRepeatNgram: options.no_repeat_ngram_size,
    sequences: options.num_captions,
    allowed: allowed && allowSequences(allowed),
  });
  const ids = padSequences(found.flat(), tokens.pad);
  const asked = allowed ? { ...options, allowed_sequences: allowed } : options;
  return { prompts, images, options: asked, ids, text: ids.map((row) => tokenizer.decode(row)) };
}

async function ranked(mind: Mind, { prompts: marked, images, candidates }: Recipe['rank']) {
  const prompts = expand(mind, marked);
  const ids = candidates.map((text) => mind.tokenizer.encode(text, { bos: false }));
  const { order } = await rank(mind.language, await promptOf(mind, prompts, firstPictures(images)), ids);
  return { prompts, images, candidates, rank: [order] };
}
