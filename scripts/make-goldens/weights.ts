import { convert, type HostTensor, random, sizeOf, tensor, toF64 } from '@emu-ts/base';
import { causalTransformerParams } from '@emu-ts/causal-transformer';
import { safetyParams, unetParams, vaeParams } from '@emu-ts/diffusion-decoder';
import { headSize, llamaParams, llamaPrefix } from '@emu-ts/language-model';
import { flatten, type ParamTree, param, streamOf, zeros } from '@emu-ts/params';
import { linearHead } from '@emu-ts/regression-head';
import { visualEncoderParams } from '@emu-ts/visual-encoder';
import type { Model } from './model.js';

export type Tensors = Map<string, HostTensor>;

/** What a file holds, by part of the checkpoint. */
export interface Weights {
  readonly pretrained: Tensors;
  readonly instruct: Tensors;
  readonly unet: Tensors;
  readonly vae: Tensors;
  readonly safety: Tensors;
}

/** Every weight of a checkpoint, those that nothing computes with included. */
export function drawWeights(model: Model): Weights {
  const { recipe, vision, causal, llama, live } = model;
  const { t5 } = recipe.config;
  const draw = (tree: ParamTree, prefix = '') => drawTree(tree, prefix, recipe.seed, recipe.dtype);
  const seen = draw({
    ...visualEncoderParams(vision),
    cformer: causalTransformerParams(causal),
  } as ParamTree);
  const unused = draw(
    { cformer: { embed_tokens: { weight: param([t5.vocab_size, t5.d_model], zeros) } } },
    'cformer',
  );
  const language = (config: typeof llama) => {
    const prefix = llamaPrefix(config);
    const own = draw(llamaParams(config) as ParamTree, prefix);
    for (let i = 0; i < config.layers; i++)
      own.set(
        `${prefix}.model.layers.${i}.self_attn.rotary_emb.inv_freq`,
        inverseFrequencies(headSize(config)),
      );
    return new Map([...own, ...draw(linearHead(config, prefix).params)]);
  };
  const pretrained = language(llama);
  const instruct = language(live);
  // The same model with low-rank updates beside its weights.
  for (const [name, weight] of pretrained)
    instruct.set(name.replace(llamaPrefix(llama), llamaPrefix(live)), weight);
  // Replies end now and then.
  for (const tensors of [pretrained, instruct]) preferEnd(tensors, model.tokenizer.eosId, recipe.dtype);
  return {
    pretrained: new Map([...seen, ...unused, ...pretrained]),
    instruct: new Map([...seen, ...unused, ...instruct]),
    unet: draw(unetParams(model.unet) as unknown as ParamTree),
    vae: draw(vaeParams(model.vae) as unknown as ParamTree),
    safety: draw(safetyParams(model.safety) as unknown as ParamTree),
  };
}

function drawTree(tree: ParamTree, prefix: string, seed: number, dtype: 'f32' | 'bf16'): Tensors {
  return new Map(
    [...flatten(tree, prefix)].map(([name, { shape }]) => {
      const { mean, spread } = distribution(name, shape);
      const noise = random(seed, streamOf(name)).normal(sizeOf(shape));
      const weight = tensor(
        'f32',
        shape,
        noise.map((x) => mean + spread * x),
      );
      return [name, convert(weight, dtype)];
    }),
  );
}

/**
 * Wide enough for outputs to differ from input to input: products grow a little from layer to layer, attention is
 * neither flat nor one-hot, norms and biases are not what they are when training starts.
 */
function distribution(name: string, shape: readonly number[]): { mean: number; spread: number } {
  if (/concept_embeds_weights$|special_care_embeds_weights$/.test(name)) return { mean: 0.45, spread: 0.05 };
  if (/(concept|special_care)_embeds$/.test(name)) return { mean: 0, spread: 1 };
  if (/relative_attention_bias/.test(name)) return { mean: 0, spread: 0.6 };
  if (
    /embed_tokens|cls_token|pos_embed|causal_tokens|_embedding(\.weight)?$/.test(name) &&
    !/patch_/.test(name)
  )
    return { mean: 0, spread: 0.3 };
  if (shape.length === 1) return { mean: /\.weight$/.test(name) ? 1 : 0, spread: 0.1 };
  const gain = /lora_B/.test(name) ? 0.5 : 1.3;
  return { mean: 0, spread: gain / Math.sqrt(sizeOf(shape.slice(1))) };
}

function preferEnd(tensors: Tensors, end: number, dtype: 'f32' | 'bf16'): void {
  for (const [name, weight] of tensors) {
    if (!name.endsWith('.lm_head.weight')) continue;
    const width = weight.shape[1];
    const data = toF64(weight).map((x, i) => (Math.floor(i / width) === end ? 3 * x : x));
    tensors.set(name, convert(tensor('f64', weight.shape, data), dtype));
  }
}

const inverseFrequencies = (size: number): HostTensor =>
  tensor(
    'f32',
    [size / 2],
    Array.from({ length: size / 2 }, (_, i) => 10000 ** ((-2 * i) / size)),
  );
