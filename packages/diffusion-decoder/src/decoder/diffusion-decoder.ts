import { breathe, type CallOptions, tensor } from '@emu-ts/base';
import type {
  DecodedImage,
  DecodeImageOptions,
  ImageDecoder,
  RgbImage,
  SafetyChecker,
} from '@emu-ts/contracts';
import { type AnyTensor, type DeviceTensor, type Executor, reachable } from '@emu-ts/graph';
import { type PlacedParams, ProgramCache, placeParams, type TensorSource } from '@emu-ts/params';
import { type SchedulerSet, schedulerSet } from '../schedulers/index.js';
import { encodeTimesteps, type UnetConfig, unetParams } from '../unet/index.js';
import { downscaleOf, type VaeConfig, vaeParams } from '../vae/index.js';
import { conditionWidth, contextGraph, denoiseDonation, denoiseGraph, pixelsGraph } from './graphs.js';
import { pool, toRgb } from './images.js';
import { type DecodeDefaults, type Plan, planDecode } from './plan.js';
import { readAndDispose, type Walk, walk } from './walk.js';

export interface DiffusionDecoderOptions extends CallOptions {
  readonly executor: Executor;
  readonly unet: { readonly config: UnetConfig; readonly weights: TensorSource };
  readonly vae: { readonly config: VaeConfig; readonly weights: TensorSource };
  /** Default: PNDM and the others on Stable Diffusion's noise schedule. */
  readonly schedulers?: SchedulerSet | undefined;
  /** Without one, no picture is ever flagged. It stays the caller's. */
  readonly safetyChecker?: SafetyChecker | undefined;
  /** Default: 50 steps, guidance 7.5, the size the UNet was trained for, the checkpoint's own scheduler. */
  readonly defaults?: Partial<DecodeDefaults> | undefined;
}

/** Previews are decoded from latents averaged down to at most this many on a side. */
const previewSide = 32;

const stableDiffusion = {
  _class_name: 'PNDMScheduler',
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  num_train_timesteps: 1000,
  steps_offset: 1,
  set_alpha_to_one: false,
  skip_prk_steps: true,
};

/**
 * Latent diffusion on any executor: keys and values of the condition once, the UNet and the sampler's step after it as often
 * as there are timesteps, the VAE once, then the safety checker. Reads and uploads the weights; the encoder half of the VAE is only checked.
 */
export async function createDiffusionDecoder(options: DiffusionDecoderOptions): Promise<DiffusionDecoder> {
  const { executor, unet, vae, signal, onProgress } = options;
  const report = (component: string) =>
    onProgress && ((progress: Parameters<typeof onProgress>[0]) => onProgress({ ...progress, component }));
  const unetWeights = await placeParams(executor, unetParams(unet.config), unet.weights, {
    signal,
    onProgress: report('unet'),
  });
  try {
    const vaeWeights = await placeParams(executor, vaeParams(vae.config), vae.weights, {
      signal,
      onProgress: report('vae'),
      unused: [/^(encoder|quant_conv)\./],
    });
    return new DiffusionDecoder(options, unetWeights, vaeWeights);
  } catch (error) {
    unetWeights.dispose();
    throw error;
  }
}

export class DiffusionDecoder implements ImageDecoder {
  readonly nullCondition = 'empty-prompt';
  readonly condition: ImageDecoder['condition'];
  /** What `decode` uses where a call does not say. */
  readonly defaults: DecodeDefaults;
  readonly schedulers: SchedulerSet;
  readonly #unet: { readonly config: UnetConfig; readonly weights: PlacedParams };
  readonly #vae: { readonly config: VaeConfig; readonly weights: PlacedParams };
  readonly #safetyChecker: SafetyChecker | undefined;
  readonly #contexts = new ProgramCache(2);
  readonly #denoisers = new ProgramCache(2);
  readonly #pixels = new ProgramCache(2);

  /** @see createDiffusionDecoder */
  constructor(
    { unet, vae, schedulers, safetyChecker, defaults }: DiffusionDecoderOptions,
    unetWeights: PlacedParams,
    vaeWeights: PlacedParams,
  ) {
    const side = unet.config.sampleSize * downscaleOf(vae.config);
    this.condition = { rows: 0, width: conditionWidth(unet.config) };
    this.defaults = { steps: 50, guidanceScale: 7.5, height: side, width: side, ...defaults };
    this.schedulers = schedulers ?? schedulerSet(stableDiffusion);
    this.#unet = { config: unet.config, weights: unetWeights };
    this.#vae = { config: vae.config, weights: vaeWeights };
    this.#safetyChecker = safetyChecker;
  }

  /** Also throws `STEPS`, `SCHEDULER`, `GUIDANCE`, `IMAGE_SIZE`, `SEED`, `CANDIDATES` and `SHAPE`, before anything is computed. */
  async decode(condition: AnyTensor, options: DecodeImageOptions = {}): Promise<DecodedImage[]> {
    options.signal?.throwIfAborted();
    const plan = planDecode(condition, options, {
      unet: this.#unet.config,
      vae: this.#vae.config,
      schedulers: this.schedulers,
      defaults: this.defaults,
    });
    const latents = await this.#denoise(condition, plan, options);
    const images = await this.#decodeLatents(latents, plan, options);
    return this.#check(images, options);
  }

  async #denoise(condition: AnyTensor, plan: Plan, options: DecodeImageOptions): Promise<Float32Array> {
    const { batch, guided, rows, height, width, scheduler } = plan;
    // Executors that run ahead stay near one whose caller may abort: progress then says what was done, not what was asked for.
    const { signal = new AbortController().signal, onProgress } = options;
    const { config, weights } = this.#unet;
    const total = scheduler.timesteps.length;
    const guidance = guided ? { guidance: tensor('f32', [], [plan.guidanceScale]) } : {};
    const context = await this.#context(condition, plan, signal);
    try {
      using walking = walk({ ...plan, shape: [batch, config.inChannels, height, width] });
      const { slots } = walking;
      const key = [batch, guided, rows, height, width, slots].join();
      const compile = () =>
        weights.compile(denoiseGraph(config, { ...plan, slots }), { donate: denoiseDonation });
      return await this.#denoisers.with(key, compile, async (program) => {
        for (let i = 0; i < total; i++) {
          await breathe(signal);
          const encoding = encodeTimesteps([scheduler.timesteps[i]], config);
          const given = { ...walking.inputs(i), encoding, ...guidance, ...context };
          await walking.take(i, await program.run(given, { signal }), { signal });
          onProgress?.({ phase: 'denoise', component: 'unet', loaded: i + 1, total });
          await this.#preview(walking, i + 1, plan, options);
        }
        return walking.sample({ signal });
      });
    } finally {
      for (const held of Object.values(context)) held.dispose();
    }
  }

  /** Keys and values of the condition by name, on the executor. The caller disposes them. */
  async #context(given: AnyTensor, plan: Plan, signal?: AbortSignal): Promise<Record<string, DeviceTensor>> {
    const { config, weights } = this.#unet;
    const condition = await reachable(weights.executor, given, { signal });
    const compile = () => weights.compile(contextGraph(config, plan));
    return this.#contexts.with(condition.shape.join(), compile, (program) =>
      program.run({ condition }, { signal }),
    );
  }

  async #preview(walking: Walk, step: number, plan: Plan, options: DecodeImageOptions): Promise<void> {
    const { onPreview, previewEvery = 5, signal } = options;
    const steps = plan.scheduler.timesteps.length;
    if (!onPreview || step % previewEvery !== 0 || step === steps) return;
    const { height, width } = plan;
    const factor = Math.ceil(Math.max(height, width) / previewSide);
    const images: RgbImage[] = [];
    for (const picture of pictures(await walking.clean({ signal }), plan.batch)) {
      const small = pool(picture, height, width, Math.min(factor, height, width));
      images.push(await this.#decodePicture(small.data, small.height, small.width, signal));
    }
    onPreview({ step, steps, images });
  }

  async #decodeLatents(latents: Float32Array, plan: Plan, { signal, onProgress }: CallOptions) {
    const images: RgbImage[] = [];
    for (const picture of pictures(latents, plan.batch)) {
      await breathe(signal);
      images.push(await this.#decodePicture(picture, plan.height, plan.width, signal));
      onProgress?.({ phase: 'decode', component: 'vae', loaded: images.length, total: plan.batch });
    }
    return images;
  }

  /** One picture at a time: the VAE is what takes most memory. */
  #decodePicture(data: Float32Array, height: number, width: number, signal?: AbortSignal): Promise<RgbImage> {
    const { config, weights } = this.#vae;
    const compile = () => weights.compile(pixelsGraph(config, height, width));
    return this.#pixels.with([height, width].join(), compile, async (program) => {
      const latents = tensor('f32', [1, config.latentChannels, height, width], data);
      const { pixels } = await program.run({ latents }, { signal });
      const shape = pixels.shape;
      return toRgb(tensor('f32', shape, await readAndDispose(pixels, signal)));
    });
  }

  async #check(images: readonly RgbImage[], options: CallOptions): Promise<DecodedImage[]> {
    if (!this.#safetyChecker) return images.map((image) => ({ ...image, flagged: false }));
    const verdicts = await this.#safetyChecker.check(images, options);
    return images.map((image, i) => {
      const { flagged } = verdicts[i];
      const data = flagged ? new Uint8Array(image.data.length) : image.data;
      return { ...image, data, flagged, verdict: verdicts[i] };
    });
  }

  /** Frees weights and programs, never the executor. */
  async dispose(): Promise<void> {
    await Promise.all([this.#contexts, this.#denoisers, this.#pixels].map((cache) => cache.dispose()));
    this.#unet.weights.dispose();
    this.#vae.weights.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/** The equal parts of a batch. */
function pictures(batch: Float32Array, count: number): Float32Array[] {
  const length = batch.length / count;
  return Array.from({ length: count }, (_, i) => batch.slice(i * length, (i + 1) * length));
}
