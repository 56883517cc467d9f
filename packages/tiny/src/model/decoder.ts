/** Sizes of the decoder, in the form of the released configuration files: 16 × 16 latents of 64 × 64 pictures. */

export const vaeJson = {
  _class_name: 'AutoencoderKL',
  act_fn: 'silu',
  block_out_channels: [12, 24, 48],
  down_block_types: ['DownEncoderBlock2D', 'DownEncoderBlock2D', 'DownEncoderBlock2D'],
  up_block_types: ['UpDecoderBlock2D', 'UpDecoderBlock2D', 'UpDecoderBlock2D'],
  in_channels: 3,
  out_channels: 3,
  latent_channels: 4,
  layers_per_block: 1,
  norm_num_groups: 4,
  sample_size: 64,
  scaling_factor: 1,
} as const;

/** @param contextWidth width of the language model */
export const unetJson = (contextWidth: number) => ({
  _class_name: 'UNet2DConditionModel',
  sample_size: 16,
  in_channels: 4,
  out_channels: 4,
  down_block_types: ['DownBlock2D', 'CrossAttnDownBlock2D'],
  up_block_types: ['CrossAttnUpBlock2D', 'UpBlock2D'],
  block_out_channels: [40, 80],
  layers_per_block: 1,
  cross_attention_dim: contextWidth,
  attention_head_dim: 4,
  norm_num_groups: 8,
  flip_sin_to_cos: true,
  freq_shift: 0,
});

export const schedulerJson = {
  _class_name: 'PNDMScheduler',
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  num_train_timesteps: 1000,
  prediction_type: 'epsilon',
  set_alpha_to_one: false,
  skip_prk_steps: true,
  steps_offset: 1,
} as const;
