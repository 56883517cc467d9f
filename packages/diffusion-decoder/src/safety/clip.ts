import { add, broadcast, concat, dims, reshape, slice, transpose, type Value } from '@emu-ts/graph';
import {
  attention,
  conv2d,
  conv2dParams,
  embeddingParams,
  layerNorm,
  layerNormParams,
  linear,
  linearParams,
  mergeHeads,
  quickGelu,
  splitHeads,
} from '@emu-ts/nn';
import { normal, type Params, param } from '@emu-ts/params';
import { times } from '../layers/times.js';
import type { SafetyConfig } from './config.js';

const patchesOf = ({ imageSize, patchSize }: SafetyConfig): number => Math.floor(imageSize / patchSize) ** 2;

const layerParams = ({ width, mlpWidth }: SafetyConfig) => ({
  layer_norm1: layerNormParams(width),
  self_attn: {
    q_proj: linearParams(width, width),
    k_proj: linearParams(width, width),
    v_proj: linearParams(width, width),
    out_proj: linearParams(width, width),
  },
  layer_norm2: layerNormParams(width),
  mlp: { fc1: linearParams(width, mlpWidth), fc2: linearParams(mlpWidth, width) },
});

/** `pre_layrnorm` is spelt as in the checkpoints. */
const visionParams = (config: SafetyConfig) => ({
  embeddings: {
    class_embedding: param([config.width], normal(0.02)),
    patch_embedding: conv2dParams(config.inChannels, config.width, config.patchSize, { bias: false }),
    position_embedding: embeddingParams(patchesOf(config) + 1, config.width),
  },
  pre_layrnorm: layerNormParams(config.width),
  encoder: { layers: times(config.layers, () => layerParams(config)) },
  post_layernorm: layerNormParams(config.width),
});

/** Every weight of the safety checker, under its name in `pytorch_model.bin`. */
export const safetyParams = (config: SafetyConfig) => ({
  vision_model: { vision_model: visionParams(config) },
  visual_projection: linearParams(config.width, config.projectionWidth, { bias: false }),
  concept_embeds: param([config.concepts, config.projectionWidth], normal(1)),
  special_care_embeds: param([config.specialCareConcepts, config.projectionWidth], normal(1)),
  concept_embeds_weights: param([config.concepts], normal(1)),
  special_care_embeds_weights: param([config.specialCareConcepts], normal(1)),
});

export type SafetyTree = ReturnType<typeof safetyParams>;
export type SafetyParams = Params<SafetyTree>;

type LayerParams = Params<ReturnType<typeof layerParams>>;

/** Pixels [b 3 s s] as the feature extractor gives them → embeddings [b p] ("CLIP", Radford et al., 2021). */
export function safetyEmbeddings(p: SafetyParams, pixels: Value, config: SafetyConfig): Value {
  const tower = p.vision_model.vision_model;
  let x = layerNorm(tower.pre_layrnorm, embedPatches(tower.embeddings, pixels, config), config.normEps);
  for (const layer of tower.encoder.layers) x = block(layer, x, config);
  const { b, d } = dims(x, 'b t d');
  const pooled = reshape(slice(x, 1, 0, 1), [b, d]);
  return linear(p.visual_projection, layerNorm(tower.post_layernorm, pooled, config.normEps));
}

/** The class token, then one token per patch: [b t d] */
function embedPatches(
  p: SafetyParams['vision_model']['vision_model']['embeddings'],
  pixels: Value,
  { patchSize }: SafetyConfig,
): Value {
  const map = conv2d(p.patch_embedding, pixels, { stride: patchSize });
  const { b, d, h, w } = dims(map, 'b d h w');
  const patches = transpose(reshape(map, [b, d, h * w]), [0, 2, 1]); // [b h·w d]
  const tokens = concat([broadcast(reshape(p.class_embedding, [1, 1, d]), [b, 1, d]), patches], 1);
  return add(tokens, p.position_embedding.weight);
}

function block(p: LayerParams, x: Value, { heads, normEps }: SafetyConfig): Value {
  x = add(x, selfAttention(p.self_attn, layerNorm(p.layer_norm1, x, normEps), heads));
  return add(x, linear(p.mlp.fc2, quickGelu(linear(p.mlp.fc1, layerNorm(p.layer_norm2, x, normEps)))));
}

function selfAttention(p: LayerParams['self_attn'], x: Value, heads: number): Value {
  const [q, k, v] = [p.q_proj, p.k_proj, p.v_proj].map((projection) =>
    splitHeads(linear(projection, x), heads),
  );
  return linear(p.out_proj, mergeHeads(attention({ q, k, v }, { scale: 1 / Math.sqrt(q.shape[3]) })));
}
