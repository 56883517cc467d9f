import type { LanguageModelModel } from '@emu-ts/contracts';
import { constant } from '@emu-ts/graph';
import type { Params, ParamTree } from '@emu-ts/params';
import { headSize, type LlamaConfig } from './config.js';
import { embedTokens, logits, stack } from './llama.js';
import { type LlamaParams, llamaParams, llamaPrefix } from './params.js';
import { rotaryTables } from './tables.js';

/**
 * LLaMA as weights and pure functions, for sessions, training and export.
 *
 * @param prefix where the weights stand in the checkpoint; default where Emu's checkpoints have them
 */
export function llamaModel(config: LlamaConfig, prefix = llamaPrefix(config)): LanguageModelModel {
  const path = prefix.split('.');
  const params = path.reduceRight<ParamTree>((tree, name) => ({ [name]: tree }), llamaParams(config));
  const inside = (p: Params<ParamTree>) =>
    path.reduce((tree, name) => (tree as Record<string, typeof p>)[name], p) as unknown as LlamaParams;
  const { cos, sin } = rotaryTables(config);
  return {
    width: config.width,
    vocabSize: config.vocabSize,
    contextLength: config.contextLength,
    params,
    cache: { layers: config.layers, heads: config.heads, headSize: headSize(config) },
    embed: (p, ids) => embedTokens(inside(p), ids),
    read: (p, embeddings, context) =>
      stack(
        inside(p),
        embeddings,
        { ...context, tables: { cos: constant(cos), sin: constant(sin) } },
        config,
      ),
    logits: (p, hidden) => logits(inside(p), hidden),
  };
}
