import { readConfig } from '../config.js';

/** A CLIP vision tower with lists of concepts in its embedding space. */
export interface SafetyConfig {
  readonly imageSize: number;
  readonly patchSize: number;
  readonly inChannels: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlpWidth: number;
  readonly normEps: number;
  /** Width of the space in which pictures and concepts are compared. */
  readonly projectionWidth: number;
  readonly concepts: number;
  readonly specialCareConcepts: number;
}

/**
 * Reads `safety_checker/config.json` of transformers.
 *
 * @throws EmuError `CONFIG` naming the field and the value that is not supported
 */
export function parseSafetyConfig(json: unknown): SafetyConfig {
  const top = readConfig('safety_checker/config.json', json);
  const vision = top.nested('vision_config');
  vision.fixed('hidden_act', ['quick_gelu']);
  return {
    imageSize: vision.integer('image_size', 224),
    patchSize: vision.integer('patch_size', 32),
    inChannels: vision.integer('num_channels', 3),
    width: vision.integer('hidden_size', 768),
    layers: vision.integer('num_hidden_layers', 12),
    heads: vision.integer('num_attention_heads', 12),
    mlpWidth: vision.integer('intermediate_size', 3072),
    normEps: vision.number('layer_norm_eps', 1e-5),
    projectionWidth: top.integer('projection_dim', 512),
    concepts: 17,
    specialCareConcepts: 3,
  };
}

/** CLIP ViT-L/14, as the safety checker of Stable Diffusion has it. */
export const emuSafetyConfig: SafetyConfig = {
  imageSize: 224,
  patchSize: 14,
  inChannels: 3,
  width: 1024,
  layers: 24,
  heads: 16,
  mlpWidth: 4096,
  normEps: 1e-5,
  projectionWidth: 768,
  concepts: 17,
  specialCareConcepts: 3,
};
