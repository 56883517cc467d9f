import { type CallOptions, type HostTensor, random, sizeOf, tensor } from '@emu-ts/base';
import type { LanguageModel, RegressionHead, RgbImage, Sequence } from '@emu-ts/contracts';
import type { BadRows, DataSource } from '@emu-ts/data';
import { downscaleOf, encodeTimesteps, vaeEncode, vaeSample } from '@emu-ts/diffusion-decoder';
import { type Executor, graphOf, input, mul } from '@emu-ts/graph';
import { embedPrompts, languageModel } from '@emu-ts/language-model';
import { resize } from '@emu-ts/media';
import {
  outside,
  type PlacedParams,
  ProgramCache,
  paramInputs,
  placeParams,
  type TensorSource,
} from '@emu-ts/params';
import { generateImageEmbeddings, regressionHead } from '@emu-ts/regression-head';
import { generate, imagesOf, text } from '@emu-ts/sequence';
import { drawNoise, type TrainingData } from '@emu-ts/training';
import { batchesOf, stack } from './batches.js';
import type { DecoderModel } from './decoder-model.js';
import type { TrainingModel } from './model.js';
import type { SequenceStage } from './recipe.js';
import { needImage, wordsOf } from './words.js';

export interface DecoderContext {
  readonly model: TrainingModel;
  readonly decoder: DecoderModel;
  readonly executor: Executor;
  readonly seed: number;
  readonly badRows: BadRows;
}

/** This use's stream of the seed. */
const noiseStream = 0x6c61746e;

/** Side in pixels of the pictures that the decoder draws. */
const sideOf = ({ unet, vae }: DecoderModel): number => unet.config.sampleSize * downscaleOf(vae.config);

/** A picture as f32 [3 side side] in −1…1. */
function pixelsOf(image: RgbImage, side: number): HostTensor {
  const { data } = resize(image, { width: side, height: side });
  const plane = side * side;
  const planes = Float32Array.from(
    { length: 3 * plane },
    (_, i) => data[3 * (i % plane) + Math.floor(i / plane)] / 127.5 - 1,
  );
  return tensor('f32', [3, side, side], planes);
}

/** N(0, 1) that belongs to a batch; pairs of normal numbers never straddle two. */
function noiseOf(shape: readonly number[], seed: number, index: number): HostTensor {
  const size = sizeOf(shape);
  return tensor(
    'f32',
    shape,
    random(seed, noiseStream)
      .normal(size, index * (size + (size % 2)))
      .slice(),
  );
}

const latentShape = ({ unet, vae }: DecoderModel, batch: number): number[] => [
  batch,
  vae.config.latentChannels,
  unet.config.sampleSize,
  unet.config.sampleSize,
];

/** Pictures as batches of the autoencoder's objective. */
export function autoencoderBatches(
  source: DataSource<Sequence<RgbImage>>,
  stage: SequenceStage,
  { decoder, seed, badRows }: DecoderContext,
): TrainingData {
  const side = sideOf(decoder);
  return batchesOf(source, stage.batch, {
    badRows,
    usable: needImage,
    make: (sequences, index) => ({
      images: stack(sequences.map((sequence) => pixelsOf(imagesOf(sequence)[0], side))),
      noise: noiseOf(latentShape(decoder, sequences.length), seed, index),
    }),
  });
}

/**
 * Texts with pictures as batches of the diffusion objective, as the reference tuned its decoder: the language model reads
 * the words, opens an image and predicts its embeddings one after the other; they are the condition under which the UNet
 * learns to draw the picture. One condition in ten is replaced by that of the empty prompt.
 * @param context.weights of the language model and the autoencoder, which stay as they are
 */
export const decoderBatches = (
  source: DataSource<Sequence<RgbImage>>,
  stage: SequenceStage,
  context: DecoderContext & { readonly weights: TensorSource },
): TrainingData => ({
  async *open(position, call) {
    await using conditioner = await Conditioner.create(context, call);
    const { contextLength } = context.model.config.language;
    const { format, badRows } = { ...context.model, ...context };
    const batches = batchesOf(source, stage.batch, {
      badRows,
      usable(sequence) {
        needImage(sequence);
        format.encode(promptOf(sequence), { contextLength, reserve: format.queries - 1 });
      },
      make: (sequences, index) => conditioner.batch(sequences, { ...call, index, dropRate: stage.dropRate }),
    });
    yield* batches.open(position, call);
  },
});

const promptOf = (sequence: Sequence<unknown>): Sequence<never> => [text(wordsOf(sequence)), generate];

/** The frozen half of decoder training: conditions from the language model, latents from the autoencoder. */
class Conditioner implements AsyncDisposable {
  readonly #programs = new ProgramCache();
  #nothing: HostTensor | undefined;

  constructor(
    readonly context: DecoderContext,
    readonly language: LanguageModel,
    readonly head: RegressionHead,
    readonly autoencoder: PlacedParams,
  ) {}

  static async create(
    context: DecoderContext & { readonly weights: TensorSource },
    { signal }: CallOptions,
  ): Promise<Conditioner> {
    const { executor, weights, model, decoder } = context;
    const { languageModel: words, regressionHead: head } = model.parts;
    const { tree } = decoder.vae;
    return new Conditioner(
      context,
      await languageModel({ executor, model: words, source: weights, signal }),
      await regressionHead({ executor, model: head, source: weights, signal }),
      await placeParams(executor, tree, weights, { allowUnused: [outside(tree)], signal }),
    );
  }

  async batch(
    sequences: readonly Sequence<RgbImage>[],
    { index, dropRate, ...call }: CallOptions & { index: number; dropRate: number | undefined },
  ): Promise<Record<string, HostTensor>> {
    const { decoder, seed } = this.context;
    const side = sideOf(decoder);
    const pixels = stack(sequences.map((sequence) => pixelsOf(imagesOf(sequence)[0], side)));
    const shape = latentShape(decoder, sequences.length);
    this.#nothing ??= await this.#conditions([[generate]], call);
    const [, rows, width] = this.#nothing.shape;
    return {
      latents: await this.#latents(pixels, noiseOf(shape, seed, index), call),
      condition: await this.#conditions(sequences.map(promptOf), call),
      null_condition: tensor('f32', [rows, width], this.#nothing.data as Float32Array),
      ...drawNoise({
        shape,
        alphas: decoder.alphas,
        seed,
        index,
        dropRate,
        encode: (timesteps) => encodeTimesteps(timesteps, decoder.unet.config),
      }),
    };
  }

  /** f32 [prompts queries width], each embedding predicted from those before it. */
  async #conditions(prompts: readonly Sequence<never>[], { signal }: CallOptions): Promise<HostTensor> {
    const { format, padId } = this.context.model;
    const ids = prompts.map((prompt) => format.encode(prompt).ids);
    const { embeddings } = await generateImageEmbeddings(this.language, this.head, {
      prompts: await embedPrompts(this.language, ids, { pad: padId, signal }),
      queries: format.queries,
      signal,
    });
    return embeddings;
  }

  /** A sample of each picture's posterior, in the UNet's scale. */
  #latents(pixels: HostTensor, noise: HostTensor, { signal }: CallOptions): Promise<HostTensor> {
    const { tree, config } = this.context.decoder.vae;
    const compile = () => {
      const { vae } = paramInputs(tree) as unknown as { vae: Parameters<typeof vaeEncode>[0] };
      const posterior = vaeEncode(vae, input('pixels', pixels), config);
      const latents = mul(vaeSample(posterior, input('noise', noise)), config.scalingFactor);
      return this.autoencoder.compile(graphOf({ latents }));
    };
    return this.#programs.with(pixels.shape.join(), compile, async (program) => {
      using latents = (await program.run({ pixels, noise }, { signal })).latents;
      return await latents.read({ signal });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#programs.dispose();
    this.autoencoder.dispose();
    await this.head.dispose();
    await this.language.dispose();
  }
}
