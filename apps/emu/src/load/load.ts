import { causalTransformer, t5CausalTransformer } from '@emu-ts/causal-transformer';
import { diffusersVae, renamed } from '@emu-ts/checkpoint';
import type { ImageDecoder, SafetyChecker } from '@emu-ts/contracts';
import {
  choosing,
  createDiffusionDecoder,
  createSafetyChecker,
  type Look,
  parseSafetyConfig,
  parseUnetConfig,
  parseVaeConfig,
  schedulerSet,
} from '@emu-ts/diffusion-decoder';
import type { Executor } from '@emu-ts/graph';
import { languageModel, llamaModel, llamaPrefix, quantizeSource } from '@emu-ts/language-model';
import { clipPreprocess, parseClipConfig } from '@emu-ts/media';
import { checkSource, flatten, type ParamTree } from '@emu-ts/params';
import { linearHead, regressionHead } from '@emu-ts/regression-head';
import { emuFormat } from '@emu-ts/sequence';
import { instructTokens, pretrainTokens, Tokenizer } from '@emu-ts/tokenizer';
import { evaClip, visualEncoder } from '@emu-ts/visual-encoder';
import { Belongings, type EmuComponents } from '../components.js';
import { lookThrough } from '../vision.js';
import { type DeviceOption, devices } from './devices.js';
import type { CheckpointLocation } from './files.js';
import { needPart } from './layout.js';
import type { Precision } from './precision.js';
import { type EmuSource, openPart, openSource, readJson, type SourceOptions } from './source.js';

export interface PretrainedOptions extends SourceOptions {
  /** Default `auto`. */
  readonly device?: DeviceOption | undefined;
  /** Default `exact`; `fast` trades digits for speed on WebGPU. An executor of the caller's keeps its own kernels. */
  readonly precision?: Precision | undefined;
  /** Pass false to load no image decoder: words only, and much less memory. */
  readonly imageDecoder?: boolean | undefined;
  /** Pass false to draw without the safety checker. */
  readonly safetyChecker?: boolean | undefined;
}

export interface LoadedEmu {
  readonly components: EmuComponents;
  readonly belongings: Belongings;
}

/** Everything of a checkpoint in the released layout, placed on its devices. What failed half-way is freed. */
export async function loadPretrained(
  location: CheckpointLocation,
  options: PretrainedOptions = {},
): Promise<LoadedEmu> {
  const belongings = new Belongings();
  try {
    await using source = await openSource(location, options);
    return { components: await place(source, belongings, options), belongings };
  } catch (error) {
    await belongings.dispose();
    throw error;
  }
}

/** In the released checkpoint, and computing nothing: its absence is no loss. */
export const dormant = [/^visual\.(norm|head)\./];

/** Compares all names and shapes first: one error lists whatever is missing, unexpected or misshapen in any component. */
async function place(
  opened: EmuSource,
  belongings: Belongings,
  options: PretrainedOptions,
): Promise<EmuComponents> {
  const { files, layout, config, weights: source } = opened;
  const { signal, onProgress } = options;
  const call = { signal, onProgress };
  const on = devices(options.device ?? 'auto', belongings, { precision: options.precision, signal });
  const piecesModel = await files.bytes(needPart(files, layout, 'tokenizer'), { signal });
  const tokenizer = tokenizerFor(piecesModel, config.language.vocabSize);
  const vision = evaClip(config.vision);
  const causal = t5CausalTransformer(config.causal);
  const language = llamaModel(config.language);
  const head = linearHead({ width: config.language.width }, llamaPrefix(config.language));
  const placed = quantizeSource(source, language.params);
  const trees = [vision, causal, language, head].map(({ params }) => params as ParamTree);
  checkSource(new Map(trees.flatMap((tree) => [...flatten(tree)])), placed, { optional: dormant });
  const encoder = belongings.add(
    await visualEncoder({ executor: await on('visual-encoder'), model: vision, source, ...call }),
  );
  const connector = belongings.add(
    await causalTransformer({ executor: await on('causal-transformer'), model: causal, source, ...call }),
  );
  const look = lookThrough(encoder, connector);
  return {
    variant: options.variant ?? 'base',
    tokenizer,
    format: emuFormat(tokenizer, { queries: config.causal.queries }),
    visualEncoder: encoder,
    causalTransformer: connector,
    languageModel: belongings.add(
      await languageModel({
        executor: await on('language-model'),
        model: language,
        source: placed,
        ...call,
      }),
    ),
    regressionHead: belongings.add(
      await regressionHead({ executor: await on('regression-head'), model: head, source, ...call }),
    ),
    imageDecoder: await placeDecoder(opened, await on('image-decoder'), look, belongings, options),
  };
}

/** The tokens that were added are those the embedding table has rows for: Emu-I's `[USER]` and `[ASSISTANT]`, or not. */
export function tokenizerFor(model: Uint8Array, vocabSize: number): Tokenizer {
  const widest = Tokenizer.fromModel(model, { special: instructTokens });
  return widest.size <= vocabSize ? widest : Tokenizer.fromModel(model, { special: pretrainTokens });
}

/** The diffusion decoder and its safety checker, where the checkpoint has them. */
async function placeDecoder(
  source: EmuSource,
  executor: Executor,
  look: Look,
  belongings: Belongings,
  options: PretrainedOptions,
): Promise<ImageDecoder | undefined> {
  const { files, layout } = source;
  const { candidates, ...defaults } = source.config.drawing ?? {};
  const { signal, onProgress } = options;
  if (options.imageDecoder === false || !layout.unet) return undefined;
  const json = (part: 'unetConfig' | 'vaeConfig' | 'scheduler') =>
    readJson(files, needPart(files, layout, part), { signal });
  await using unet = await openPart(files, layout, 'unet', { signal });
  await using vae = renamed(await openPart(files, layout, 'vae', { signal }), [diffusersVae]);
  const decoder = await createDiffusionDecoder({
    executor,
    unet: { config: parseUnetConfig(await json('unetConfig')), weights: unet },
    vae: { config: parseVaeConfig(await json('vaeConfig')), weights: vae },
    safetyChecker: await placeSafetyChecker(source, executor, belongings, options),
    defaults,
    ...(layout.scheduler ? { schedulers: schedulerSet(await json('scheduler')) } : {}),
    signal,
    onProgress,
  });
  // Owned before anything about the choice can be wrong.
  return choosing(belongings.add(decoder), { look, candidates });
}

async function placeSafetyChecker(
  { files, layout }: EmuSource,
  executor: Executor,
  belongings: Belongings,
  options: PretrainedOptions,
): Promise<SafetyChecker | undefined> {
  const { signal, onProgress } = options;
  if (options.safetyChecker === false || !layout.safety) return undefined;
  const config = parseSafetyConfig(
    await readJson(files, needPart(files, layout, 'safetyConfig'), { signal }),
  );
  const { featureExtractor } = layout;
  const extractor = parseClipConfig(
    featureExtractor ? await readJson(files, featureExtractor, { signal }) : {},
  );
  await using weights = await openPart(files, layout, 'safety', { signal });
  const checker = await createSafetyChecker({
    executor,
    config,
    weights,
    preprocess: (images, call) => clipPreprocess(images, extractor, call),
    signal,
    onProgress,
  });
  return belongings.add(checker);
}
