import type { LanguageModel } from '@emu-ts/contracts';
import { type Executor, interpreter } from '@emu-ts/graph';
import { initialize, tensorSource } from '@emu-ts/params';
import {
  type LanguageModelOptions,
  type LlamaConfig,
  languageModel,
  llamaModel,
  quantizeSource,
} from '../src/index.js';

/** Odd on purpose: nothing may assume that sizes are powers of two. Weights are large enough for rows to differ. */
export const tinyConfig: LlamaConfig = {
  vocabSize: 23,
  width: 60,
  layers: 2,
  heads: 6,
  hiddenWidth: 52,
  eps: 1e-6,
  contextLength: 40,
  ropeBase: 10000,
  ropeTable: 'f32',
  initStd: 0.2,
};

/** A LLaMA with drawn weights. */
export async function tinyLlama(
  options: Partial<LanguageModelOptions> & { readonly executor?: Executor } = {},
  config: LlamaConfig = tinyConfig,
): Promise<LanguageModel> {
  const model = llamaModel(config);
  const plain = llamaModel({ ...config, weights: 'f32' });
  const drawn = tensorSource(initialize(plain.params, { seed: 4 }));
  const source = quantizeSource(drawn, model.params);
  return languageModel({ executor: interpreter(), model, source, prefillChunk: 4, ...options });
}
