import { add, dims, mul, reshape, split, transpose, type Value } from '@emu-ts/graph';
import {
  attention,
  conv2d,
  conv2dParams,
  gelu,
  groupNorm,
  groupNormParams,
  layerNorm,
  layerNormParams,
  linear,
  linearParams,
  mergeHeads,
  splitHeads,
} from '@emu-ts/nn';
import type { Params } from '@emu-ts/params';
import { times } from '../layers/times.js';
import type { UnetConfig, UnetLevel } from './config.js';

/** Both are fixed in the reference, whatever `norm_eps` says. */
const groupNormEps = 1e-6;
const layerNormEps = 1e-5;

/** Width inside a level's transformers: the channels, unless they do not divide into the heads. */
const innerWidth = ({ channels, heads }: UnetLevel): number => heads * Math.floor(channels / heads);

const attentionParams = (width: number, contextWidth: number) => ({
  to_q: linearParams(width, width, { bias: false }),
  to_k: linearParams(contextWidth, width, { bias: false }),
  to_v: linearParams(contextWidth, width, { bias: false }),
  to_out: [linearParams(width, width)],
});

type AttentionParams = Params<ReturnType<typeof attentionParams>>;

const blockParams = (width: number, contextWidth: number) => ({
  norm1: layerNormParams(width),
  attn1: attentionParams(width, width),
  norm2: layerNormParams(width),
  attn2: attentionParams(width, contextWidth),
  norm3: layerNormParams(width),
  ff: { net: { 0: { proj: linearParams(width, 8 * width) }, 2: linearParams(4 * width, width) } },
});

type BlockParams = Params<ReturnType<typeof blockParams>>;

export function transformerParams(level: UnetLevel, config: UnetConfig) {
  const width = innerWidth(level);
  const projection = (from: number, to: number) =>
    config.linearProjection ? linearParams(from, to) : conv2dParams(from, to, 1);
  return {
    norm: groupNormParams(level.channels),
    proj_in: projection(level.channels, width),
    transformer_blocks: times(level.transformerLayers, () => blockParams(width, level.contextWidth)),
    proj_out: projection(width, level.channels),
  };
}

export type TransformerTree = ReturnType<typeof transformerParams>;

/** What a cross-attention reads: keys and values [b h n d]. They depend on the condition alone. */
export interface KeysValues {
  readonly keys: Value;
  readonly values: Value;
}

const keysValues = (p: AttentionParams, x: Value, heads: number): KeysValues => ({
  keys: splitHeads(linear(p.to_k, x), heads),
  values: splitHeads(linear(p.to_v, x), heads),
});

/** One pair per block of the transformer. */
export const transformerKeysValues = (
  p: Params<TransformerTree>,
  context: Value,
  { heads }: UnetLevel,
): KeysValues[] => p.transformer_blocks.map(({ attn2 }) => keysValues(attn2, context, heads));

/** x [b t c] attends to keys and values of its own or of the condition. */
function attend(p: AttentionParams, x: Value, { keys, values }: KeysValues, heads: number): Value {
  const q = splitHeads(linear(p.to_q, x), heads);
  const scale = 1 / Math.sqrt(q.shape[3]);
  return linear(p.to_out[0], mergeHeads(attention({ q, k: keys, v: values }, { scale })));
}

/** Gated by GELU ("GLU Variants Improve Transformer", Shazeer, 2020). */
function feedForward(p: BlockParams['ff'], x: Value): Value {
  const projected = linear(p.net[0].proj, x);
  const half = projected.shape[projected.shape.length - 1] / 2;
  const [value, gate] = split(projected, -1, [half, half]);
  return linear(p.net[2], mul(value, gelu(gate)));
}

/** x [b t c] */
function transformerBlock(p: BlockParams, x: Value, context: KeysValues, heads: number): Value {
  const own = layerNorm(p.norm1, x, layerNormEps);
  x = add(x, attend(p.attn1, own, keysValues(p.attn1, own, heads), heads));
  x = add(x, attend(p.attn2, layerNorm(p.norm2, x, layerNormEps), context, heads));
  return add(x, feedForward(p.ff, layerNorm(p.norm3, x, layerNormEps)));
}

/** Every pixel is a token: x [b c h w] → [b c h w], conditioned on one pair of keys and values per block. */
export function transformer(
  p: Params<TransformerTree>,
  x: Value,
  context: readonly KeysValues[],
  { heads }: UnetLevel,
  { normGroups, linearProjection }: UnetConfig,
): Value {
  const { b, h, w } = dims(x, 'b c h w');
  const normal = groupNorm(p.norm, x, normGroups, groupNormEps);
  const tokens = (map: Value) => transpose(reshape(map, [b, map.shape[1], h * w]), [0, 2, 1]); // [b h·w c]
  const pixels = (rows: Value) => reshape(transpose(rows, [0, 2, 1]), [b, rows.shape[2], h, w]);
  let rows = linearProjection ? linear(p.proj_in, tokens(normal)) : tokens(conv2d(p.proj_in, normal));
  p.transformer_blocks.forEach((block, i) => {
    rows = transformerBlock(block, rows, context[i], heads);
  });
  return add(x, linearProjection ? pixels(linear(p.proj_out, rows)) : conv2d(p.proj_out, pixels(rows)));
}
