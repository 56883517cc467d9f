import { readConfig } from '../config.js';

/** The autoencoder whose latents the UNet works on (Rombach et al., 2022, section 3.1). */
export interface VaeConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly latentChannels: number;
  /** Channels of each resolution, finest first. */
  readonly channels: readonly number[];
  /** ResNet blocks per resolution of the encoder; the decoder has one more. */
  readonly layers: number;
  readonly normGroups: number;
  /** Latents of the UNet are those of the autoencoder times this. */
  readonly scalingFactor: number;
}

/** Pixels per latent pixel, along each side. */
export const downscaleOf = ({ channels }: VaeConfig): number => 2 ** (channels.length - 1);

/** Values that mean "this feature is off". Anything else is a model of another class. */
const fixedFields: Readonly<Record<string, readonly unknown[]>> = {
  act_fn: ['silu', 'swish'],
  shift_factor: [null],
  latents_mean: [null],
  latents_std: [null],
  use_quant_conv: [true],
  use_post_quant_conv: [true],
  mid_block_add_attention: [true],
};

/**
 * Reads `vae/config.json` of diffusers.
 *
 * @throws EmuError `CONFIG` naming the field and the value that is not supported
 */
export function parseVaeConfig(json: unknown): VaeConfig {
  const field = readConfig('vae/config.json', json);
  for (const [name, allowed] of Object.entries(fixedFields)) field.fixed(name, allowed);
  const channels = field.integers('block_out_channels', [64]);
  const blocks = (name: string, type: string) => {
    const types = field.strings(name, [type]);
    if (types.length !== channels.length || !types.every((block) => block === type))
      field.fail(name, `${channels.length} times ${type}`);
  };
  blocks('down_block_types', 'DownEncoderBlock2D');
  blocks('up_block_types', 'UpDecoderBlock2D');
  return {
    inChannels: field.integer('in_channels', 3),
    outChannels: field.integer('out_channels', 3),
    latentChannels: field.integer('latent_channels', 4),
    channels,
    layers: field.integer('layers_per_block', 1),
    normGroups: field.integer('norm_num_groups', 32),
    scalingFactor: field.number('scaling_factor', 0.18215),
  };
}

/** The autoencoder of Stable Diffusion 1.x, which Emu uses unchanged. */
export const emuVaeConfig: VaeConfig = {
  inChannels: 3,
  outChannels: 3,
  latentChannels: 4,
  channels: [128, 256, 512, 512],
  layers: 2,
  normGroups: 32,
  scalingFactor: 0.18215,
};
