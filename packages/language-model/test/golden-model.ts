import { readFile } from 'node:fs/promises';
import type { HostTensor } from '@emu-ts/base';
import type { LanguageModel } from '@emu-ts/contracts';
import type { Executor } from '@emu-ts/graph';
import { goldenCases, goldens } from '@emu-ts/testing';
import { pretrainTokens, Tokenizer } from '@emu-ts/tokenizer';
import { embedPrompts, languageModel, llamaModel, type Prompt, parseLlamaConfig } from '../src/index.js';

/** What the golden tests of the language model share: the tiny model, its tokenizer, and prompts with images. */
const golden = await goldens();
const { config: json, activations, path, weights } = golden;

/** What the reference wrote and put in order. */
export const cases = await goldenCases(golden);

export const tokenizer = Tokenizer.fromModel(await readFile(path('checkpoint', 'tokenizer.model')), {
  special: pretrainTokens,
});

export const id = (token: string): number => tokenizer.special.get(token) as number;

export const config = parseLlamaConfig(json.llama, { vocabSize: tokenizer.size });

export const openPretrained = () => weights('pretrained');
export const openInstruct = () => weights('instruct');

export async function pretrained(
  executor: Executor,
  options: { readonly prefillChunk?: number } = {},
): Promise<LanguageModel> {
  await using source = await openPretrained();
  return await languageModel({ executor, model: llamaModel(config), source, ...options });
}

/** Embeddings of the first `count` golden images, [count · queries, width]. */
export async function imageEmbeddings(count: number): Promise<HostTensor> {
  const all = await activations.read('cformer.output');
  const [, queries, width] = all.shape;
  const data = (all.data as Float32Array).slice(0, count * queries * width);
  return { dtype: 'f32', shape: [count * queries, width], data };
}

/** Tokenised prompts with the first `images` golden images at their placeholders. */
export async function promptOf(
  model: LanguageModel,
  texts: readonly string[],
  images: number | null,
): Promise<Prompt> {
  const rows = texts.map((text) => tokenizer.encode(text));
  const visual = images ? { token: id('<image>'), embeddings: await imageEmbeddings(images) } : undefined;
  return embedPrompts(model, rows, { pad: id('[PAD]'), visual });
}

export const tokens = { begin: tokenizer.bosId, end: tokenizer.eosId, pad: id('[PAD]') };
