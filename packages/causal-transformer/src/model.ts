import type { CausalTransformerModel } from '@emu-ts/contracts';
import { add, broadcast, dims, type Value } from '@emu-ts/graph';
import {
  attention,
  embeddingParams,
  linear,
  linearParams,
  mergeHeads,
  relu,
  rmsNorm,
  rmsNormParams,
  splitHeads,
} from '@emu-ts/nn';
import { normal, type Params, param } from '@emu-ts/params';
import type { CausalTransformerConfig } from './config.js';
import { relativeBias } from './relative-bias.js';

/**
 * The causal transformer of Emu (Sun et al., 2023, section 2.2): learned queries that look back at each other and at
 * all features of a picture, so that a picture becomes a sequence with an order. Its blocks are T5's decoder blocks:
 * pre-norm without means or biases, scores that are not scaled, one table of relative position biases for all blocks.
 */

/** Every weight by checkpoint name; in Emu's checkpoint below `cformer`. */
export const causalTransformerParams = (config: CausalTransformerConfig) => ({
  causal_tokens: param([1, config.queries, config.width], normal(0.02)),
  cformer: {
    block: Array.from({ length: config.layers }, (_, i) => blockParams(config, i === 0)),
    final_layer_norm: rmsNormParams(config.width),
  },
  projection: linearParams(config.width, config.outputWidth),
});

/** The sub-layers of a block are numbered in the checkpoint: attention among queries, to features, feed-forward. */
const blockParams = (config: CausalTransformerConfig, first: boolean) => {
  const { width, mlpWidth, inputWidth, buckets, heads } = config;
  const bias = first
    ? { relative_attention_bias: embeddingParams(buckets, heads, { init: fanIn(width) }) }
    : {};
  return {
    layer: {
      0: { SelfAttention: { ...attentionParams(config, width), ...bias }, layer_norm: rmsNormParams(width) },
      1: { EncDecAttention: attentionParams(config, inputWidth), layer_norm: rmsNormParams(width) },
      2: {
        DenseReluDense: {
          wi: linearParams(width, mlpWidth, { bias: false, init: fanIn(width) }),
          wo: linearParams(mlpWidth, width, { bias: false, init: fanIn(mlpWidth) }),
        },
        layer_norm: rmsNormParams(width),
      },
    },
  };
};

const fanIn = (width: number) => normal(width ** -0.5);

/** Queries start smaller by √headWidth, which stands in for the missing scale of the scores. */
const attentionParams = ({ width, heads, headWidth }: CausalTransformerConfig, sourceWidth: number) => {
  const inner = heads * headWidth;
  return {
    q: linearParams(width, inner, { bias: false, init: fanIn(width * headWidth) }),
    k: linearParams(sourceWidth, inner, { bias: false, init: fanIn(sourceWidth) }),
    v: linearParams(sourceWidth, inner, { bias: false, init: fanIn(sourceWidth) }),
    o: linearParams(inner, width, { bias: false, init: fanIn(inner) }),
  };
};

export type CausalTransformerParams = Params<ReturnType<typeof causalTransformerParams>>;
export type CausalTransformerBlockParams = CausalTransformerParams['cformer']['block'][number];

/** What every block is given besides the stream. */
export interface BlockContext {
  /** [b tokens inputWidth] */
  readonly features: Value;
  /** [1 heads queries queries] */
  readonly bias: Value;
  readonly config: CausalTransformerConfig;
}

/** The context of a picture's features, and the first stream: one copy of the queries per picture, [b queries width]. */
export function embedQueries(
  p: CausalTransformerParams,
  features: Value,
  config: CausalTransformerConfig,
): { stream: Value; context: BlockContext } {
  const { queries, width, inputWidth } = config;
  const { b } = dims(features, `b tokens ${inputWidth}`);
  const table = p.cformer.block[0].layer[0].SelfAttention.relative_attention_bias!;
  return {
    stream: broadcast(p.causal_tokens, [b, queries, width]),
    context: { features, bias: relativeBias(table, queries, config), config },
  };
}

/** x [b queries width] → [b queries width] */
export function causalTransformerBlock(
  p: CausalTransformerBlockParams,
  x: Value,
  context: BlockContext,
): Value {
  const { features, bias, config } = context;
  const { 0: self, 1: cross, 2: feedForward } = p.layer;
  const norm = (layer: { layer_norm: Params<ReturnType<typeof rmsNormParams>> }, stream: Value) =>
    rmsNorm(layer.layer_norm, stream, config.normEps);

  const queries = norm(self, x);
  const ordered = add(x, attend(self.SelfAttention, queries, queries, config, bias));
  const seen = add(ordered, attend(cross.EncDecAttention, norm(cross, ordered), features, config));
  return add(seen, mlp(feedForward.DenseReluDense, norm(feedForward, seen)));
}

/** With a bias, position i attends to positions 0 … i; without, to all of `source`. */
function attend(
  p: Params<ReturnType<typeof attentionParams>>,
  x: Value,
  source: Value,
  { heads }: CausalTransformerConfig,
  bias?: Value,
): Value {
  const q = splitHeads(linear(p.q, x), heads); // [b h t d]
  const k = splitHeads(linear(p.k, source), heads); // [b h s d]
  const v = splitHeads(linear(p.v, source), heads);
  return linear(p.o, mergeHeads(attention({ q, k, v, bias }, { scale: 1, causal: bias !== undefined })));
}

const mlp = (p: CausalTransformerBlockParams['layer'][2]['DenseReluDense'], x: Value): Value =>
  linear(p.wo, relu(linear(p.wi, x)));

/** features [b tokens inputWidth] → image embeddings [b queries outputWidth] */
export function imageEmbeddings(
  p: CausalTransformerParams,
  features: Value,
  config: CausalTransformerConfig,
): Value {
  const { stream, context } = embedQueries(p, features, config);
  const last = p.cformer.block.reduce((x, block) => causalTransformerBlock(block, x, context), stream);
  return linear(p.projection, rmsNorm(p.cformer.final_layer_norm, last, config.normEps));
}

const tree = (config: CausalTransformerConfig) => ({ cformer: causalTransformerParams(config) });

/** Emu's causal transformer as weights and a pure function. */
export const t5CausalTransformer = (
  config: CausalTransformerConfig,
): CausalTransformerModel<ReturnType<typeof tree>> => ({
  queries: config.queries,
  inputWidth: config.inputWidth,
  outputWidth: config.outputWidth,
  params: tree(config),
  forward: (p, features) => imageEmbeddings(p.cformer, features, config),
});
