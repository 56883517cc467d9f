import { readFile } from 'node:fs/promises';
import { type CallOptions, EmuError, type HostTensor, pack, toF64 } from '@emu-ts/base';
import { t5CausalTransformer } from '@emu-ts/causal-transformer';
import { emuTokens, type SequenceFormat } from '@emu-ts/contracts';
import { llamaModel, llamaPrefix } from '@emu-ts/language-model';
import {
  checkSource,
  flatten,
  initializeParam,
  type Param,
  type ParamTree,
  type TensorSource,
} from '@emu-ts/params';
import { linearHead } from '@emu-ts/regression-head';
import { emuFormat } from '@emu-ts/sequence';
import { instructTokens, Tokenizer } from '@emu-ts/tokenizer';
import { clipModel, composeModel, loraStart } from '@emu-ts/training';
import { evaClip } from '@emu-ts/visual-encoder';
import { type EmuConfig, readConfig } from '../load/config.js';
import { needPart } from '../load/layout.js';
import { dormant, tokenizerFor } from '../load/load.js';
import { openSource, readJson } from '../load/source.js';
import { from, type ModelRecipe, readJsonFile } from './recipe.js';

type Json = Readonly<Record<string, unknown>>;

/** A model to train: its parts as pure functions, and the weights to start from. Close it when done. */
export interface TrainingModel extends AsyncDisposable {
  readonly config: EmuConfig;
  /** `config.json` of the checkpoint that is written, or undefined at the released sizes. */
  readonly json: Json | undefined;
  readonly tokenizer: Tokenizer;
  readonly tokenizerBytes: Uint8Array;
  readonly format: SequenceFormat;
  readonly padId: number;
  readonly parts: ReturnType<typeof partsOf>;
  readonly composed: ReturnType<typeof composed>;
  readonly contrastive: ReturnType<typeof contrastive>;
  readonly start: TensorSource;
}

const partsOf = (config: EmuConfig) => ({
  visualEncoder: evaClip(config.vision),
  causalTransformer: t5CausalTransformer(config.causal),
  languageModel: llamaModel(config.language),
  regressionHead: linearHead({ width: config.language.width }, llamaPrefix(config.language)),
});
const composed = (parts: ReturnType<typeof partsOf>) => composeModel(parts);
const contrastive = (config: EmuConfig, { languageModel }: ReturnType<typeof partsOf>) =>
  clipModel(config.vision, languageModel);

export interface OpenModelOptions extends CallOptions {
  /** Where relative paths of the recipe start. */
  readonly folder: string;
  readonly seed: number;
}

/** Opens the model of a recipe. @throws CheckpointMismatchError, EmuError `FILE`, `CONFIG`, `LORA` */
export async function openModel(recipe: ModelRecipe, options: OpenModelOptions): Promise<TrainingModel> {
  return recipe.checkpoint === undefined
    ? fromNothing(recipe, options)
    : fromCheckpoint(recipe, recipe.checkpoint, options);
}

async function fromNothing(
  recipe: ModelRecipe,
  { folder, seed, signal }: OpenModelOptions,
): Promise<TrainingModel> {
  const { config: given, tokenizer: place } = recipe;
  const json = (typeof given === 'string' ? await readJsonFile(from(folder, given), signal) : given) as Json;
  const file = from(folder, place as string);
  const tokenizerBytes = await readFile(file, { signal }).catch((cause) => {
    throw new EmuError('FILE', `There is no tokenizer '${file}'.`, { cause });
  });
  const tokenizer = Tokenizer.fromModel(tokenizerBytes, { special: instructTokens });
  const rows = { dtype: 'f32', shape: [tokenizer.size, 1], byteLength: 0 } as const;
  const config = readConfig(json, {
    entries: new Map([['model.embed_tokens.weight', rows]]),
    instruct: false,
  });
  return assemble({ config: withLora(config, recipe), json, tokenizer, tokenizerBytes, seed });
}

async function fromCheckpoint(
  recipe: ModelRecipe,
  checkpoint: string,
  { folder, seed, signal }: OpenModelOptions,
): Promise<TrainingModel> {
  const source = await openSource(from(folder, checkpoint), { variant: recipe.variant, signal });
  try {
    const { files, layout, config, weights } = source;
    const json = layout.config ? await readJson(files, layout.config, { signal }) : undefined;
    const tokenizerBytes = await files.bytes(needPart(files, layout, 'tokenizer'), { signal });
    const fresh = recipe.lora !== undefined && config.language.lora === undefined;
    const tokenizer = fresh
      ? Tokenizer.fromModel(tokenizerBytes, { special: instructTokens })
      : tokenizerFor(tokenizerBytes, config.language.vocabSize);
    const grown = {
      ...config,
      language: { ...config.language, vocabSize: Math.max(tokenizer.size, config.language.vocabSize) },
    };
    const close = async () => source[Symbol.asyncDispose]();
    const wanted = fresh ? withLora(grown, recipe) : withDropout(config, recipe);
    return assemble({ config: wanted, json, tokenizer, tokenizerBytes, seed, weights, fresh, close });
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

const withLora = (config: EmuConfig, { lora }: ModelRecipe): EmuConfig =>
  lora ? { ...config, language: { ...config.language, lora } } : config;

/** An adapter that is there already keeps its rank; what is left out in training may change. */
function withDropout(config: EmuConfig, { lora }: ModelRecipe): EmuConfig {
  const there = config.language.lora;
  if (!lora || !there) return config;
  if (lora.r !== there.r || lora.alpha !== there.alpha)
    throw new EmuError(
      'LORA',
      `The checkpoint has low-rank updates of r ${there.r} and alpha ${there.alpha}, the recipe wants r ${lora.r} and alpha ${lora.alpha}.`,
      { hint: "Leave 'r' and 'alpha' as they are, or start from the base variant." },
    );
  return { ...config, language: { ...config.language, lora: { ...there, dropout: lora.dropout } } };
}

interface Assembled {
  readonly config: EmuConfig;
  readonly json: Json | undefined;
  readonly tokenizer: Tokenizer;
  readonly tokenizerBytes: Uint8Array;
  readonly seed: number;
  readonly weights?: TensorSource | undefined;
  /** Whether the low-rank updates are new. */
  readonly fresh?: boolean | undefined;
  readonly close?: (() => Promise<void>) | undefined;
}

function assemble({
  config,
  json,
  tokenizer,
  tokenizerBytes,
  seed,
  weights,
  fresh,
  close,
}: Assembled): TrainingModel {
  const parts = partsOf(config);
  const whole = composed(parts);
  const clip = contrastive(config, parts);
  const declared = flatten(whole.params as ParamTree);
  if (weights && !fresh) checkSource(declared, weights, { optional: dormant });
  const given = weights && (fresh ? loraStart(weights, whole.params as ParamTree, { seed }) : weights);
  return {
    config,
    json,
    tokenizer,
    tokenizerBytes,
    format: emuFormat(tokenizer, { queries: config.causal.queries }),
    padId: tokenizer.special.get(emuTokens.pad) as number,
    parts,
    composed: whole,
    contrastive: clip,
    start: startingFrom(new Map([...declared, ...flatten(clip.params as ParamTree)]), given, seed),
    [Symbol.asyncDispose]: async () => close?.(),
  };
}

/** Every declared weight in its declared dtype: as it is in `given`, or drawn by its initialiser. */
export function startingFrom(
  declared: ReadonlyMap<string, Param>,
  given: TensorSource | undefined,
  seed: number,
): TensorSource {
  return {
    entries: declared,
    async read(name, options) {
      const param = declared.get(name);
      if (!param) throw new EmuError('NO_SUCH_TENSOR', `The model has no weight '${name}'.`);
      if (!given?.entries.has(name)) return initializeParam(name, param, seed);
      const stored = await given.read(name, options);
      if (stored.dtype === param.dtype) return stored;
      return { ...stored, dtype: param.dtype, data: pack(param.dtype, toF64(stored)) } as HostTensor;
    },
  };
}
