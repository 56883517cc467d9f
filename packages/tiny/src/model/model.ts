import { t5CausalTransformer } from '@emu-ts/causal-transformer';
import type { SequenceFormat } from '@emu-ts/contracts';
import { llamaModel, llamaPrefix } from '@emu-ts/language-model';
import { linearHead } from '@emu-ts/regression-head';
import { emuFormat } from '@emu-ts/sequence';
import { instructTokens, pretrainTokens, Tokenizer } from '@emu-ts/tokenizer';
import { composeModel } from '@emu-ts/training';
import { evaClip } from '@emu-ts/visual-encoder';
import { connector, llama, lora, queries, vision } from './config.js';

export type Variant = 'base' | 'instruct';

/** The tokenizer of a variant, from the bytes of `tokenizer.model`. */
export const tokenizerOf = (model: Uint8Array, variant: Variant): Tokenizer =>
  Tokenizer.fromModel(model, { special: variant === 'instruct' ? instructTokens : pretrainTokens });

/** The format of sequences, six embeddings to a picture. */
export const formatOf = (tokenizer: Tokenizer): SequenceFormat => emuFormat(tokenizer, { queries });

/** Encoder, causal transformer, language model and head as one. @param vocabSize special tokens included */
export function smallEmu(vocabSize: number, variant: Variant) {
  const config = { ...llama(vocabSize), ...(variant === 'instruct' ? { lora } : {}) };
  const languageModel = llamaModel(config);
  const regressionHead = linearHead({ width: config.width }, llamaPrefix(config));
  const visualEncoder = evaClip(vision);
  const causalTransformer = t5CausalTransformer(connector);
  const parts = { visualEncoder, causalTransformer, languageModel, regressionHead };
  return { ...parts, whole: composeModel(parts) };
}
