import { averagePooling, t5CausalTransformer } from '@emu-ts/causal-transformer';
import type { CausalTransformerModel, SequenceFormat } from '@emu-ts/contracts';
import { llamaModel, llamaPrefix } from '@emu-ts/language-model';
import { linearHead } from '@emu-ts/regression-head';
import { emuFormat } from '@emu-ts/sequence';
import { instructTokens, pretrainTokens, Tokenizer } from '@emu-ts/tokenizer';
import { composeModel } from '@emu-ts/training';
import { evaClip } from '@emu-ts/visual-encoder';
import { connector, llama, lora, queries, vision } from './config.js';

export type Variant = 'base' | 'instruct';

/** What is left out to see what it is for. */
export const ablations = ['image-loss', 'video', 'causal-transformer'] as const;
export type Ablation = (typeof ablations)[number];

/** The causal transformer, or, without it, averages of patches in as many cells. */
export const connectorOf = (without?: Ablation): CausalTransformerModel =>
  without === 'causal-transformer' ? averagePooling(connector) : t5CausalTransformer(connector);

/** The tokenizer of a variant, from the bytes of `tokenizer.model`. */
export const tokenizerOf = (model: Uint8Array, variant: Variant): Tokenizer =>
  Tokenizer.fromModel(model, { special: variant === 'instruct' ? instructTokens : pretrainTokens });

/** The format of sequences, six embeddings to a picture. */
export const formatOf = (tokenizer: Tokenizer): SequenceFormat => emuFormat(tokenizer, { queries });

/** Encoder, causal transformer, language model and head as one. @param vocabSize special tokens included */
export function smallEmu(vocabSize: number, variant: Variant, without?: Ablation) {
  const config = { ...llama(vocabSize), ...(variant === 'instruct' ? { lora } : {}) };
  const languageModel = llamaModel(config);
  const regressionHead = linearHead({ width: config.width }, llamaPrefix(config));
  const visualEncoder = evaClip(vision);
  const causalTransformer = connectorOf(without);
  const parts = { visualEncoder, causalTransformer, languageModel, regressionHead };
  return { ...parts, whole: composeModel(parts) };
}
