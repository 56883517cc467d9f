import type { CausalTransformerConfig } from '@emu-ts/causal-transformer';
import type { LlamaConfig, LoraConfig } from '@emu-ts/language-model';
import type { EvaClipConfig } from '@emu-ts/visual-encoder';

/** Sizes of the small Emu: 64 × 64 pictures, six embeddings each. */
export const queries = 6;

export const vision: EvaClipConfig = {
  imageSize: 64,
  patchSize: 8,
  width: 160,
  layers: 4,
  heads: 8,
  mlpWidth: 480,
  embedDim: 48,
  normEps: 1e-6,
};

/** @param vocabSize pieces of the tokenizer and the tokens of pictures and dialogues */
export const llama = (vocabSize: number): LlamaConfig => ({
  vocabSize,
  width: 160,
  layers: 5,
  heads: 5,
  hiddenWidth: 416,
  eps: 1e-6,
  contextLength: 512,
  ropeBase: 10_000,
  ropeTable: 'bf16',
  initStd: 0.02,
});

export const connector: CausalTransformerConfig = {
  queries,
  inputWidth: vision.width,
  outputWidth: llama(1).width,
  width: 128,
  layers: 3,
  heads: 4,
  headWidth: 32,
  mlpWidth: 384,
  buckets: 32,
  maxDistance: 128,
  normEps: 1e-6,
};

/** Low-rank updates of the instruction-tuned variant. */
export const lora: LoraConfig = { r: 16, alpha: 16 };
