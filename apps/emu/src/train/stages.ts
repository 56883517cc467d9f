import type { BadRows } from '@emu-ts/data';
import { unet, vaeDecode, vaeEncode } from '@emu-ts/diffusion-decoder';
import type { Executor } from '@emu-ts/graph';
import type { ParamTree, TensorSource } from '@emu-ts/params';
import {
  autoencoderObjective,
  contrastiveObjective,
  diffusionObjective,
  interleavedObjective,
  type Objective,
  type StageParts,
  taggingObjective,
  tagModel,
} from '@emu-ts/training';
import { type BatchMaker, contrastiveBatches, interleavedBatches, taggingBatches } from './batches.js';
import { autoencoderBatches, decoderBatches } from './decoder.js';
import type { DecoderModel } from './decoder-model.js';
import type { TrainingModel } from './model.js';
import type { CliStage, TagStage } from './recipe.js';
import { tagsOf } from './recipe-data.js';
import { openLabels, openSequences } from './sources.js';

export interface StageContext {
  readonly model: TrainingModel;
  /** The UNet and the autoencoder, where the recipe trains one of them. */
  readonly decoder: DecoderModel | undefined;
  /** Runs the language model where a stage needs what it says. */
  readonly executor: Executor;
  readonly folder: string;
  readonly seed: number;
  readonly badRows: BadRows;
}

/** The image encoder and the causal transformer under a probe of the stage's own. */
export const tagModelOf = ({ parts }: Pick<TrainingModel, 'parts'>, stage: TagStage) =>
  tagModel(parts.visualEncoder, parts.causalTransformer, { tags: tagsOf(stage).length, name: stage.name });

const sourceContext = ({ model, folder, seed }: StageContext) => ({
  folder,
  seed,
  imageSize: model.config.vision.imageSize,
});

/** Looks for the data of a stage, so that what is not there is told before the first update. @throws EmuError `FILE`, `WORLD` */
export async function findData(stage: CliStage, context: StageContext): Promise<void> {
  const where = sourceContext(context);
  if (stage.objective === 'tagging') await openLabels(stage.data, { ...where, tags: tagsOf(stage) });
  else await openSequences(stage.data, where);
}

/** What a stage of a recipe trains, and on what. @param weights as they are before the stage */
export async function buildStage(
  stage: CliStage,
  weights: TensorSource,
  context: StageContext,
): Promise<StageParts> {
  const { model, seed, badRows } = context;
  const { vision, language } = model.config;
  const maker: BatchMaker = {
    tokenizer: model.tokenizer,
    format: model.format,
    padId: model.padId,
    imageSize: vision.imageSize,
    contextLength: language.contextLength,
    seed,
    dropout: (language.lora?.dropout ?? 0) > 0,
    badRows,
  };
  if (stage.objective === 'tagging') {
    const { params, logits } = tagModelOf(model, stage);
    const tags = tagsOf(stage);
    const source = await openLabels(stage.data, { ...sourceContext(context), tags });
    const data = taggingBatches(source, { batch: stage.batch, tags }, maker);
    return { params, objective: taggingObjective(logits), data };
  }
  const source = await openSequences(stage.data, sourceContext(context));
  switch (stage.objective) {
    case 'contrastive':
      return {
        params: model.contrastive.params as ParamTree,
        objective: contrastiveObjective(model.contrastive) as unknown as Objective<ParamTree>,
        data: contrastiveBatches(source, stage, maker),
      };
    case 'diffusion': {
      const { tree, config } = (context.decoder as DecoderModel).unet;
      type Inside = { readonly unet: Parameters<typeof unet>[0] };
      return {
        params: tree,
        objective: diffusionObjective<ParamTree>(
          (p, inputs) => unet((p as unknown as Inside).unet, inputs, config).output,
          { target: (context.decoder as DecoderModel).target },
        ),
        data: decoderBatches(source, stage, {
          ...context,
          weights,
          decoder: context.decoder as DecoderModel,
        }),
      };
    }
    case 'autoencoder': {
      const { tree, config } = (context.decoder as DecoderModel).vae;
      type Inside = { readonly vae: Parameters<typeof vaeEncode>[0] };
      const inside = (p: unknown) => (p as Inside).vae;
      return {
        params: tree,
        objective: autoencoderObjective<ParamTree>(
          {
            encode: (p, pixels) => vaeEncode(inside(p), pixels, config),
            decode: (p, latents) => vaeDecode(inside(p), latents, config),
          },
          { reconstruction: stage.reconstruction },
        ),
        data: autoencoderBatches(source, stage, { ...context, decoder: context.decoder as DecoderModel }),
      };
    }
    default:
      return {
        params: model.composed.params as ParamTree,
        objective: interleavedObjective(model.composed, {
          imagesLogged: stage.imagesLogged,
          imageWeight: stage.weights?.image === 0 ? 0 : 1,
        }) as unknown as Objective<ParamTree>,
        data: interleavedBatches(source, stage, maker),
      };
  }
}
