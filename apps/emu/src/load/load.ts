import type { CallOptions } from '@emu-ts/base';
import { causalTransformer, t5CausalTransformer } from '@emu-ts/causal-transformer';
import {
  type Checkpoint,
  diffusersUnet,
  diffusersVae,
  emuInstruct,
  emuPretrain,
  openCheckpoint,
  renamed,
  unusedTensors,
} from '@emu-ts/checkpoint';
import type { ImageDecoder, SafetyChecker } from '@emu-ts/contracts';
import {
  createDiffusionDecoder,
  createSafetyChecker,
  parseSafetyConfig,
  parseUnetConfig,
  parseVaeConfig,
  schedulerSet,
} from '@emu-ts/diffusion-decoder';
import type { Executor } from '@emu-ts/graph';
import {
  languageModel,
  llamaModel,
  llamaPrefix,
  quantizeSource,
  type WeightDType,
} from '@emu-ts/language-model';
import { clipPreprocess, parseClipConfig } from '@emu-ts/media';
import { linearHead, regressionHead } from '@emu-ts/regression-head';
import { emuFormat } from '@emu-ts/sequence';
import { instructTokens, pretrainTokens, Tokenizer } from '@emu-ts/tokenizer';
import { evaClip, visualEncoder } from '@emu-ts/visual-encoder';
import { Belongings, type EmuComponents } from '../components.js';
import { readConfig } from './config.js';
import { type DeviceOption, devices } from './devices.js';
import { type CheckpointFiles, type CheckpointLocation, filesOf } from './files.js';
import { findLayout, type Layout, type LayoutPart, needPart } from './layout.js';

export interface PretrainedOptions extends CallOptions {
  /** Default `auto`. */
  readonly device?: DeviceOption | undefined;
  /** How the language model's projections are stored. Default f32. */
  readonly dtype?: WeightDType | undefined;
  /** The pretrained model (default), or the instruction-tuned one. */
  readonly variant?: 'base' | 'instruct' | undefined;
  /** Pass false to load no image decoder: words only, and much less memory. */
  readonly imageDecoder?: boolean | undefined;
  /** Pass false to draw without the safety checker. */
  readonly safetyChecker?: boolean | undefined;
}

/** Everything of a checkpoint folder in the released layout, placed on its devices. */
export async function loadPretrained(
  location: CheckpointLocation,
  options: PretrainedOptions = {},
): Promise<{ components: EmuComponents; belongings: Belongings }> {
  const { signal, onProgress, variant = 'base', dtype } = options;
  const files = filesOf(location);
  const layout = await findLayout(files, { signal });
  const instruct = variant === 'instruct';
  const belongings = new Belongings();
  try {
    const on = devices(options.device ?? 'auto', belongings);
    const call = { signal, onProgress };
    await using opened = await open(files, layout, instruct ? 'instruct' : 'pretrained', options);
    const source = renamed(opened, [unusedTensors, instruct ? emuInstruct : emuPretrain]);
    const json = layout.config ? await readJson(files, layout.config, signal) : undefined;
    const config = readConfig(json, { entries: source.entries, instruct, weights: dtype });
    const language = llamaModel(config.language);
    const model = await files.bytes(needPart(files, layout, 'tokenizer'), { signal });
    const tokenizer = tokenizerFor(model, config.language.vocabSize);
    const components: EmuComponents = {
      variant,
      tokenizer,
      format: emuFormat(tokenizer, { queries: config.causal.queries }),
      visualEncoder: belongings.add(
        await visualEncoder({
          executor: await on('visual-encoder'),
          model: evaClip(config.vision),
          source,
          ...call,
        }),
      ),
      causalTransformer: belongings.add(
        await causalTransformer({
          executor: await on('causal-transformer'),
          model: t5CausalTransformer(config.causal),
          source,
          ...call,
        }),
      ),
      languageModel: belongings.add(
        await languageModel({
          executor: await on('language-model'),
          model: language,
          source: quantizeSource(source, language.params),
          ...call,
        }),
      ),
      regressionHead: belongings.add(
        await regressionHead({
          executor: await on('regression-head'),
          model: linearHead({ width: config.language.width }, llamaPrefix(config.language)),
          source,
          ...call,
        }),
      ),
      imageDecoder: await loadDecoder(files, layout, await on('image-decoder'), belongings, options),
    };
    return { components, belongings };
  } catch (error) {
    await belongings.dispose();
    throw error;
  }
}

/** The tokens that were added are those the embedding table has rows for: Emu-I's `[USER]` and `[ASSISTANT]`, or not. */
function tokenizerFor(model: Uint8Array, vocabSize: number): Tokenizer {
  const widest = Tokenizer.fromModel(model, { special: instructTokens });
  return widest.size <= vocabSize ? widest : Tokenizer.fromModel(model, { special: pretrainTokens });
}

/** The diffusion decoder and its safety checker, where the checkpoint has them. */
async function loadDecoder(
  files: CheckpointFiles,
  layout: Layout,
  executor: Executor,
  belongings: Belongings,
  options: PretrainedOptions,
): Promise<ImageDecoder | undefined> {
  const { signal, onProgress } = options;
  if (options.imageDecoder === false || !layout.unet) return undefined;
  const json = (part: LayoutPart) => readJson(files, needPart(files, layout, part), signal);
  await using unet = renamed(await open(files, layout, 'unet', options), [diffusersUnet]);
  await using vae = renamed(await open(files, layout, 'vae', options), [diffusersVae]);
  const decoder = await createDiffusionDecoder({
    executor,
    unet: { config: parseUnetConfig(await json('unetConfig')), weights: unet },
    vae: { config: parseVaeConfig(await json('vaeConfig')), weights: vae },
    safetyChecker: await loadSafetyChecker(files, layout, executor, belongings, options),
    ...(layout.scheduler ? { schedulers: schedulerSet(await json('scheduler')) } : {}),
    signal,
    onProgress,
  });
  return belongings.add(decoder);
}

async function loadSafetyChecker(
  files: CheckpointFiles,
  layout: Layout,
  executor: Executor,
  belongings: Belongings,
  options: PretrainedOptions,
): Promise<SafetyChecker | undefined> {
  const { signal, onProgress } = options;
  if (options.safetyChecker === false || !layout.safety) return undefined;
  const config = parseSafetyConfig(await readJson(files, needPart(files, layout, 'safetyConfig'), signal));
  const extractor = parseClipConfig(
    layout.featureExtractor ? await readJson(files, layout.featureExtractor, signal) : {},
  );
  await using weights = await open(files, layout, 'safety', options);
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

async function open(
  files: CheckpointFiles,
  layout: Layout,
  part: LayoutPart,
  { signal }: CallOptions,
): Promise<Checkpoint> {
  const source = await files.find(needPart(files, layout, part), { signal });
  return openCheckpoint(source as string | URL | Blob, { signal });
}

async function readJson(
  files: CheckpointFiles,
  path: string,
  signal?: AbortSignal,
): Promise<Record<string, unknown>> {
  return JSON.parse(new TextDecoder().decode(await files.bytes(path, { signal })));
}
