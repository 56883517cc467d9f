export { cachedAttentionOp, positionsFrom, readRows } from './cached-attention/op.js';
export { generate, padSequences, stream } from './generate/generate.js';
export type { GenerateOptions, SamplingOptions, TokenIds } from './generate/options.js';
export { Past } from './generate/past.js';
export {
  type EmbedPromptOptions,
  embedPrompts,
  type Mark,
  type Prompt,
  type VisualEmbeddings,
} from './generate/prompt.js';
export { type Ranking, type RankOptions, rank } from './generate/rank.js';
export type {
  FinishEvent,
  FinishReason,
  GeneratedSequence,
  GenerateEvent,
  TokenEvent,
} from './generate/search.js';
export { allowSequences, Trie } from './generate/trie.js';
export { block, project, type Surroundings, type UpdateRule } from './llama/block.js';
export {
  emu14bInstructLlama,
  emu14bLlama,
  headSize,
  type LlamaConfig,
  type LoraConfig,
  loraScale,
  type ParseLlamaOptions,
  parseLlamaConfig,
  type WeightDType,
} from './llama/config.js';
export { embedTokens, type LlamaInputs, llama, logits, stack } from './llama/llama.js';
export { textLoss } from './llama/loss.js';
export { llamaModel } from './llama/model.js';
export {
  type BlockParams,
  instructPrefix,
  type LlamaParams,
  type LlamaTree,
  llamaParams,
  llamaPrefix,
  type ProjectionParams,
  pretrainPrefix,
} from './llama/params.js';
export { quantizeSource } from './llama/quantize.js';
export { rotaryTables } from './llama/tables.js';
export { mergeLora, unmergeLora } from './lora/merge.js';
export * from './processors/index.js';
export { type LanguageModelOptions, languageModel } from './runtime/language-model.js';
