import type { VisualEncoderModel } from '@emu-ts/contracts';
import { add, broadcast, concat, dims, reshape, split, swapLast, type Value, zerosLike } from '@emu-ts/graph';
import {
  attention,
  conv2d,
  conv2dParams,
  gelu,
  layerNorm,
  layerNormParams,
  linear,
  linearParams,
  mergeHeads,
  type NormTree,
  splitHeads,
} from '@emu-ts/nn';
import { normal, type Params, param, zeros } from '@emu-ts/params';
import { type EvaClipConfig, tokenCount } from './config.js';

/**
 * EVA-CLIP (Sun et al., "EVA-CLIP: Improved Training Techniques for CLIP at Scale", 2023): a pre-norm vision
 * transformer whose queries and values have biases and whose keys have none. Emu reads the residual stream after the
 * last block, class token included; the final norm and the CLIP head are in the checkpoint and compute nothing.
 */

/** Every weight by checkpoint name; in Emu's checkpoint below `visual`. */
export const evaClipParams = (config: EvaClipConfig) => ({
  cls_token: param([1, 1, config.width], small),
  pos_embed: param([1, tokenCount(config), config.width], small),
  patch_embed: { proj: conv2dParams(3, config.width, config.patchSize) },
  blocks: Array.from({ length: config.layers }, (_, i) => blockParams(config, i)),
  norm: layerNormParams(config.width),
  head: linearParams(config.width, config.embedDim, { init: small }),
});

const small = normal(0.02);

function blockParams({ width, mlpWidth }: EvaClipConfig, i: number) {
  // What a block adds to the stream starts smaller the deeper it stands, so that the stream's variance stays level.
  const residual = normal(0.02 / Math.sqrt(2 * (i + 1)));
  return {
    norm1: layerNormParams(width),
    attn: {
      q_bias: param([width], zeros),
      v_bias: param([width], zeros),
      qkv: linearParams(width, 3 * width, { bias: false, init: small }),
      proj: linearParams(width, width, { init: residual }),
    },
    norm2: layerNormParams(width),
    mlp: {
      fc1: linearParams(width, mlpWidth, { init: small }),
      fc2: linearParams(mlpWidth, width, { init: residual }),
    },
  };
}

export type EvaClipParams = Params<ReturnType<typeof evaClipParams>>;
export type EvaClipBlockParams = EvaClipParams['blocks'][number];

/** Pictures → the first residual stream: pixels [b 3 s s] → [b 1+patches c]. */
export function embedPatches(p: EvaClipParams, pixels: Value, config: EvaClipConfig): Value {
  const { imageSize, patchSize } = config;
  const { b } = dims(pixels, `b 3 ${imageSize} ${imageSize}`);
  const grid = conv2d(p.patch_embed.proj, pixels, { stride: patchSize }); // [b c rows columns]
  const patches = swapLast(reshape(grid, [b, config.width, -1])); // [b patches c]
  const whole = broadcast(p.cls_token, [b, 1, config.width]);
  return add(concat([whole, patches], 1), p.pos_embed);
}

/** x [b n c] → [b n c] */
export function evaClipBlock(p: EvaClipBlockParams, x: Value, config: EvaClipConfig): Value {
  const attended = add(x, selfAttention(p.attn, layerNorm(p.norm1, x, config.normEps), config));
  return add(attended, mlp(p.mlp, layerNorm(p.norm2, attended, config.normEps)));
}

function selfAttention(p: EvaClipBlockParams['attn'], x: Value, { heads, width }: EvaClipConfig): Value {
  const bias = concat([p.q_bias, zerosLike(p.q_bias), p.v_bias], 0);
  const qkv = linear({ ...p.qkv, bias }, x); // [b n 3c]
  const [q, k, v] = split(qkv, 2, [width, width, width]).map((part) => splitHeads(part, heads));
  const out = attention({ q, k, v }, { scale: (width / heads) ** -0.5 }); // [b h n d]
  return linear(p.proj, mergeHeads(out));
}

const mlp = (p: EvaClipBlockParams['mlp'], x: Value): Value => linear(p.fc2, gelu(linear(p.fc1, x)));

/** Pictures → features, not normalised: pixels [b 3 s s] → [b 1+patches c]. */
export const evaClipFeatures = (p: EvaClipParams, pixels: Value, config: EvaClipConfig): Value =>
  p.blocks.reduce((x, block) => evaClipBlock(block, x, config), embedPatches(p, pixels, config));

/** The norm that Emu puts between the image encoder and the causal transformer; in the checkpoint `ln_visual`. */
export const lnVisualParams = ({ width }: EvaClipConfig): NormTree => layerNormParams(width);

/** features [b n c] → [b n c] */
export const lnVisual = (p: Params<NormTree>, features: Value, { normEps }: EvaClipConfig): Value =>
  layerNorm(p, features, normEps);

/** The weights of Emu's image encoder by their full names. */
export const visualEncoderParams = (config: EvaClipConfig) => ({
  visual: evaClipParams(config),
  ln_visual: lnVisualParams(config),
});

export type VisualEncoderTree = ReturnType<typeof visualEncoderParams>;

/** Emu's image encoder, `ln_visual` included, as weights and a pure function. */
export const evaClip = (config: EvaClipConfig): VisualEncoderModel<VisualEncoderTree> => ({
  imageSize: config.imageSize,
  tokens: tokenCount(config),
  width: config.width,
  params: visualEncoderParams(config),
  forward: (p, pixels) => lnVisual(p.ln_visual, evaClipFeatures(p.visual, pixels, config), config),
});
