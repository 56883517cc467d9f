import type { HostTensor } from '@emu-ts/base';
import { encodeWeights, write, writeJson } from './files.js';
import { safetyFile } from './model.js';
import type { Recipe } from './recipe.js';
import type { Weights } from './weights.js';

/** `scheduler/scheduler_config.json` */
export const schedulerFile = {
  _class_name: 'PNDMScheduler',
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  beta_start: 0.00085,
  num_train_timesteps: 1000,
  set_alpha_to_one: false,
  skip_prk_steps: true,
  steps_offset: 1,
  timestep_spacing: 'leading',
  trained_betas: null,
};

/** `feature_extractor/preprocessor_config.json` */
export const featureExtractorFile = (side: number) => ({
  crop_size: { height: side, width: side },
  do_center_crop: true,
  do_convert_rgb: true,
  do_normalize: true,
  do_rescale: true,
  do_resize: true,
  image_mean: [0.48145466, 0.4578275, 0.40821073],
  image_std: [0.26862954, 0.26130258, 0.27577711],
  resample: 3,
  size: { shortest_edge: side },
});

/** Writes `checkpoint/` in the released layout, and the instruction-tuned file beside it. */
export async function writeCheckpoint(
  folder: string,
  recipe: Recipe,
  weights: Weights,
  tokenizerModel: Uint8Array,
): Promise<void> {
  const { config } = recipe;
  const put = (name: string, tensors: ReadonlyMap<string, HostTensor>) =>
    write(folder, name, encodeWeights(new Map(tensors), recipe));
  await put('checkpoint/multimodal_encoder/pytorch_model.bin', weights.pretrained);
  await put('checkpoint/unet/diffusion_pytorch_model.bin', weights.unet);
  await put('checkpoint/vae/diffusion_pytorch_model.bin', weights.vae);
  await put('checkpoint/safety_checker/pytorch_model.bin', weights.safety);
  await put('emu-instruct.pt', weights.instruct);
  await writeJson(folder, 'checkpoint/unet/config.json', config.unet);
  await writeJson(folder, 'checkpoint/vae/config.json', config.vae);
  await writeJson(folder, 'checkpoint/safety_checker/config.json', safetyFile(config));
  await writeJson(folder, 'checkpoint/scheduler/scheduler_config.json', schedulerFile);
  const { image_size: side } = config.safety.vision;
  await writeJson(
    folder,
    'checkpoint/feature_extractor/preprocessor_config.json',
    featureExtractorFile(side),
  );
  await write(folder, 'checkpoint/tokenizer.model', tokenizerModel);
}
