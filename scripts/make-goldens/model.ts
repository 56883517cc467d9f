import { type CausalTransformerConfig, parseT5Config } from '@emu-ts/causal-transformer';
import {
  parseSafetyConfig,
  parseUnetConfig,
  parseVaeConfig,
  type SafetyConfig,
  type UnetConfig,
  type VaeConfig,
} from '@emu-ts/diffusion-decoder';
import { type LlamaConfig, parseLlamaConfig } from '@emu-ts/language-model';
import { emuFormat } from '@emu-ts/sequence';
import { pretrainTokens, Tokenizer } from '@emu-ts/tokenizer';
import { type EvaClipConfig, parseEvaClipConfig } from '@emu-ts/visual-encoder';
import type { Recipe } from './recipe.js';

/** A recipe with everything read that its numbers depend on. */
export interface Model {
  readonly recipe: Recipe;
  readonly tokenizer: Tokenizer;
  readonly format: ReturnType<typeof emuFormat>;
  readonly vision: EvaClipConfig;
  readonly causal: CausalTransformerConfig;
  readonly llama: LlamaConfig;
  /** The language model with low-rank updates. */
  readonly live: LlamaConfig;
  readonly unet: UnetConfig;
  readonly vae: VaeConfig;
  readonly safety: SafetyConfig;
}

export function readRecipe(recipe: Recipe, tokenizerModel: Uint8Array): Model {
  const { emu, llama: language, t5, lora } = recipe.config;
  const tokenizer = Tokenizer.fromModel(tokenizerModel, { special: pretrainTokens });
  const vision = parseEvaClipConfig(emu);
  const llama = parseLlamaConfig(language, { vocabSize: tokenizer.size });
  const queries = emu.vladapter_cfg.n_causal;
  return {
    recipe,
    tokenizer,
    format: emuFormat(tokenizer, { queries }),
    vision,
    causal: parseT5Config(t5, { queries, inputWidth: vision.width, outputWidth: llama.width }),
    llama,
    live: { ...llama, lora },
    unet: parseUnetConfig(recipe.config.unet),
    vae: parseVaeConfig(recipe.config.vae),
    safety: parseSafetyConfig(safetyFile(recipe.config)),
  };
}

/** `safety_checker/config.json`. */
export const safetyFile = ({ safety }: Recipe['config']) => ({
  architectures: ['StableDiffusionSafetyChecker'],
  projection_dim: safety.projection_dim,
  vision_config: safety.vision,
});
