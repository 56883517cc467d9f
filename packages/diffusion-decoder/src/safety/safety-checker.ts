import { breathe, type CallOptions, convert, type HostTensor, ShapeError, tensor } from '@emu-ts/base';
import type { RgbImage, SafetyChecker, SafetyVerdict } from '@emu-ts/contracts';
import { type Executor, formatType } from '@emu-ts/graph';
import {
  type PlacedParams,
  paramInputs,
  placeParams,
  TensorFunction,
  type TensorSource,
} from '@emu-ts/params';
import { safetyEmbeddings, safetyParams } from './clip.js';
import type { SafetyConfig } from './config.js';
import { type Concepts, judge } from './rule.js';

export interface SafetyCheckerOptions extends CallOptions {
  readonly executor: Executor;
  readonly config: SafetyConfig;
  readonly weights: TensorSource;
  /** The feature extractor: pictures → pixels f32 `[n 3 s s]`, as CLIP was trained to see them. */
  readonly preprocess: (images: readonly RgbImage[], options?: CallOptions) => Promise<HostTensor<'f32'>>;
}

/** The safety checker of Stable Diffusion on any executor. Reads and uploads the weights. */
export async function createSafetyChecker(options: SafetyCheckerOptions): Promise<ClipSafetyChecker> {
  const { executor, config, weights, signal, onProgress } = options;
  const placed = await placeParams(executor, safetyParams(config), weights, {
    signal,
    onProgress: onProgress && ((progress) => onProgress({ ...progress, component: 'safety_checker' })),
    allowUnused: [/\.position_ids$/],
  });
  try {
    const read = async (name: string): Promise<Float32Array> => {
      const held = placed.tensors.get(name);
      if (!held) throw new ShapeError(`The safety checker has no tensor '${name}'.`);
      return convert(await held.read({ signal }), 'f32').data;
    };
    const concepts = async (name: string): Promise<Concepts> => ({
      embeddings: await read(name),
      thresholds: await read(`${name}_weights`),
    });
    return new ClipSafetyChecker(
      options,
      placed,
      await concepts('concept_embeds'),
      await concepts('special_care_embeds'),
    );
  } catch (error) {
    placed.dispose();
    throw error;
  }
}

export class ClipSafetyChecker implements SafetyChecker {
  readonly #preprocess: SafetyCheckerOptions['preprocess'];
  readonly #config: SafetyConfig;
  readonly #tower: TensorFunction;
  readonly #concepts: Concepts;
  readonly #specialCare: Concepts;

  /** Takes over the weights. @see createSafetyChecker */
  constructor(
    { preprocess, config }: SafetyCheckerOptions,
    weights: PlacedParams,
    concepts: Concepts,
    specialCare: Concepts,
  ) {
    const p = paramInputs(safetyParams(config));
    this.#preprocess = preprocess;
    this.#config = config;
    this.#concepts = concepts;
    this.#specialCare = specialCare;
    this.#tower = new TensorFunction(weights, (pixels) => safetyEmbeddings(p, pixels, config), 'pixels');
  }

  /** `scores` are cosines less thresholds, one per concept, rounded to three decimals. */
  async check(images: readonly RgbImage[], options: CallOptions = {}): Promise<SafetyVerdict[]> {
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    const verdicts: SafetyVerdict[] = [];
    for (const image of images) {
      await breathe(signal);
      const pixels = await this.#preprocess([image], { signal });
      verdicts.push(...(await this.judge(pixels, { signal })));
      onProgress?.({
        phase: 'check',
        component: 'safety_checker',
        loaded: verdicts.length,
        total: images.length,
      });
    }
    return verdicts;
  }

  /** The same for pictures that the feature extractor has already prepared: f32 `[n 3 s s]`. */
  async judge(pixels: HostTensor<'f32'>, options: CallOptions = {}): Promise<SafetyVerdict[]> {
    const embeddings = await this.embed(pixels, options);
    const [count, width] = embeddings.shape;
    return Array.from({ length: count }, (_, i) =>
      judge(embeddings.data.subarray(i * width, (i + 1) * width), this.#concepts, this.#specialCare),
    );
  }

  /** f32 `[n 3 s s]` → `[n p]`, where concepts are directions. */
  async embed(pixels: HostTensor<'f32'>, options: CallOptions = {}): Promise<HostTensor<'f32'>> {
    const { imageSize, inChannels } = this.#config;
    const [count] = pixels.shape;
    if (pixels.shape.join() !== [count, inChannels, imageSize, imageSize].join())
      throw new ShapeError(
        `The safety checker looks at f32[n,${inChannels},${imageSize},${imageSize}], got ${formatType(pixels)}.`,
        { hint: 'Prepare the pictures with the feature extractor of the same checkpoint.' },
      );
    using held = await this.#tower.run(pixels, options);
    const { shape, data } = convert(await held.read(options), 'f32');
    return tensor('f32', shape, data);
  }

  /** Frees weights and programs, never the executor. */
  dispose(): Promise<void> {
    return this.#tower.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
