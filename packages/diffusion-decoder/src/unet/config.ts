import { type ConfigReader, readConfig } from '../config.js';

export const downBlockTypes = ['CrossAttnDownBlock2D', 'DownBlock2D'] as const;
export const upBlockTypes = ['UpBlock2D', 'CrossAttnUpBlock2D'] as const;

/** One resolution of the UNet, the same on its way down and (mirrored) on its way up. */
export interface UnetLevel {
  readonly channels: number;
  /** ResNet blocks on the way down; the way up has one more. */
  readonly layers: number;
  readonly heads: number;
  /** Transformer blocks after each ResNet block, where the level attends. */
  readonly transformerLayers: number;
  /** Width of the condition that this level's keys and values are made of. */
  readonly contextWidth: number;
}

/** A UNet of the Stable Diffusion 1.x class (Rombach et al., 2022; Ronneberger et al., 2015). */
export interface UnetConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Height and width of the latents it was trained on. */
  readonly sampleSize: number;
  /** From the finest resolution to the coarsest. */
  readonly levels: readonly UnetLevel[];
  /** Which levels attend on the way down, finest first. */
  readonly downAttention: readonly boolean[];
  /** Which levels attend on the way up, coarsest first. */
  readonly upAttention: readonly boolean[];
  readonly normGroups: number;
  readonly normEps: number;
  /** Width of the time embedding. */
  readonly timeWidth: number;
  /** Cosines before sines in the timestep encoding. */
  readonly flipSinToCos: boolean;
  readonly freqShift: number;
  readonly downsamplePadding: number;
  /** Projections around the transformers are linear layers; otherwise 1 × 1 convolutions. Equal maths, other shapes. */
  readonly linearProjection: boolean;
  /** Latents are scaled to 2x − 1 first. */
  readonly centerInput: boolean;
  readonly convInKernel: number;
  readonly convOutKernel: number;
  /** The condition is projected from this width to `contextWidth` first. */
  readonly encoderHidWidth?: number | undefined;
}

/** Values that mean "this feature is off". Anything else is a model of another class. */
const fixedFields: Readonly<Record<string, readonly unknown[]>> = {
  act_fn: ['silu', 'swish'],
  mid_block_type: ['UNetMidBlock2DCrossAttn'],
  mid_block_scale_factor: [1],
  mid_block_only_cross_attention: [null, false],
  only_cross_attention: [false],
  dual_cross_attention: [false],
  class_embed_type: [null],
  class_embeddings_concat: [false],
  num_class_embeds: [null],
  projection_class_embeddings_input_dim: [null],
  addition_embed_type: [null],
  encoder_hid_dim_type: [null, 'text_proj'],
  resnet_time_scale_shift: ['default'],
  resnet_skip_time_act: [false],
  resnet_out_scale_factor: [1],
  time_embedding_type: ['positional'],
  time_embedding_act_fn: [null],
  timestep_post_act: [null],
  time_cond_proj_dim: [null],
  cross_attention_norm: [null],
  reverse_transformer_layers_per_block: [null],
  attention_type: ['default'],
};

/**
 * Reads `unet/config.json` of diffusers. Two traps of that format: `attention_head_dim` is the number of heads unless
 * `num_attention_heads` is given, and a number may stand for a list of one per level.
 *
 * @throws EmuError `CONFIG` naming the field and the value that is not supported
 */
export function parseUnetConfig(json: unknown): UnetConfig {
  const field = readConfig('unet/config.json', json);
  for (const [name, allowed] of Object.entries(fixedFields)) field.fixed(name, allowed);

  const channels = field.integers('block_out_channels', [320, 640, 1280, 1280]);
  const down = blockTypes(field, 'down_block_types', downBlockTypes, channels.length);
  const up = blockTypes(field, 'up_block_types', upBlockTypes, channels.length);
  const perLevel = (name: string, fallback: number) => field.perBlock(name, channels.length, fallback);
  const heads = field.has('num_attention_heads')
    ? perLevel('num_attention_heads', 8)
    : perLevel('attention_head_dim', 8);
  const layers = perLevel('layers_per_block', 2);
  const transformerLayers = perLevel('transformer_layers_per_block', 1);
  const contextWidths = perLevel('cross_attention_dim', 1280);

  return {
    inChannels: field.integer('in_channels', 4),
    outChannels: field.integer('out_channels', 4),
    sampleSize: field.integer('sample_size', 64),
    levels: channels.map((width, i) => ({
      channels: width,
      layers: layers[i],
      heads: heads[i],
      transformerLayers: transformerLayers[i],
      contextWidth: contextWidths[i],
    })),
    downAttention: down.map((type) => type === 'CrossAttnDownBlock2D'),
    upAttention: up.map((type) => type === 'CrossAttnUpBlock2D'),
    normGroups: field.integer('norm_num_groups', 32),
    normEps: field.number('norm_eps', 1e-5),
    timeWidth: field.integer('time_embedding_dim', channels[0] * 4),
    flipSinToCos: field.boolean('flip_sin_to_cos', true),
    freqShift: field.number('freq_shift', 0),
    downsamplePadding: field.integer('downsample_padding', 1),
    linearProjection: field.boolean('use_linear_projection', false),
    centerInput: field.boolean('center_input_sample', false),
    convInKernel: field.integer('conv_in_kernel', 3),
    convOutKernel: field.integer('conv_out_kernel', 3),
    encoderHidWidth: field.has('encoder_hid_dim') ? field.integer('encoder_hid_dim') : undefined,
  };
}

/** One known block type per level. */
function blockTypes<T extends string>(
  field: ConfigReader,
  name: string,
  allowed: readonly T[],
  levels: number,
): readonly string[] {
  const types = field.strings(name, undefined);
  if (types.length !== levels) field.fail(name, `a list of ${levels}, one for each of block_out_channels`);
  if (!types.every((type) => (allowed as readonly string[]).includes(type)))
    field.fail(name, `made of ${allowed.join(' and ')}`);
  return types;
}
