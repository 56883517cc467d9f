import {
  type EmbeddingTree,
  embeddingParams,
  type LinearTree,
  linearParams,
  type QuantizedLinearTree,
  quantizedLinearParams,
  type RmsNormTree,
  rmsNormParams,
} from '@emu-ts/nn';
import { normal, type Params, zeros } from '@emu-ts/params';
import { headSize, type LlamaConfig } from './config.js';

/** A projection without bias, stored as the configuration says. */
export type WeightTree = LinearTree | QuantizedLinearTree;

/** A projection that may have a low-rank update, named as peft names it: A [r in], B [out r]. */
export type ProjectionTree = WeightTree & {
  readonly lora_A?: { readonly default: LinearTree } | undefined;
  readonly lora_B?: { readonly default: LinearTree } | undefined;
};

export type AttentionTree = {
  readonly q_proj: ProjectionTree;
  readonly k_proj: ProjectionTree;
  readonly v_proj: ProjectionTree;
  readonly o_proj: ProjectionTree;
};

export type MlpTree = {
  readonly gate_proj: WeightTree;
  readonly up_proj: WeightTree;
  readonly down_proj: WeightTree;
};

export type BlockTree = {
  readonly input_layernorm: RmsNormTree;
  readonly self_attn: AttentionTree;
  readonly post_attention_layernorm: RmsNormTree;
  readonly mlp: MlpTree;
};

export type LlamaTree = {
  readonly model: {
    readonly embed_tokens: EmbeddingTree;
    readonly layers: readonly BlockTree[];
    readonly norm: RmsNormTree;
  };
  readonly lm_head: WeightTree;
};

export type LlamaParams = Params<LlamaTree>;
export type BlockParams = Params<BlockTree>;
export type ProjectionParams = Params<ProjectionTree>;

/** Where the tree stands in the checkpoint of the pretrained model. */
export const pretrainPrefix = 'decoder.lm';
/** Where it stands in Emu-I's, which peft wrapped. */
export const instructPrefix = 'decoder.lm.base_model.model';

/** Where the checkpoint has a model of this configuration. */
export const llamaPrefix = ({ lora }: LlamaConfig): string => (lora ? instructPrefix : pretrainPrefix);

/** Every weight of the language model by its checkpoint name, below `llamaPrefix`. */
export function llamaParams(c: LlamaConfig): LlamaTree {
  const inner = c.heads * headSize(c);
  return {
    model: {
      embed_tokens: embeddingParams(c.vocabSize, c.width, { init: normal(c.initStd) }),
      layers: Array.from({ length: c.layers }, () => ({
        input_layernorm: rmsNormParams(c.width),
        self_attn: {
          q_proj: projectionParams(c.width, inner, c),
          k_proj: projectionParams(c.width, inner, c),
          v_proj: projectionParams(c.width, inner, c),
          o_proj: projectionParams(inner, c.width, c),
        },
        post_attention_layernorm: rmsNormParams(c.width),
        mlp: {
          gate_proj: weightParams(c.width, c.hiddenWidth, c),
          up_proj: weightParams(c.width, c.hiddenWidth, c),
          down_proj: weightParams(c.hiddenWidth, c.width, c),
        },
      })),
      norm: rmsNormParams(c.width),
    },
    lm_head: weightParams(c.width, c.vocabSize, c),
  };
}

function weightParams(inDim: number, outDim: number, { weights = 'f32', initStd }: LlamaConfig): WeightTree {
  if (weights === 'int4' || weights === 'int8')
    return quantizedLinearParams(inDim, outDim, { bits: weights === 'int4' ? 4 : 8, bias: false });
  return linearParams(inDim, outDim, { bias: false, init: normal(initStd), dtype: weights });
}

/** B starts at zero, so that a fresh update changes nothing (Hu et al., "LoRA", 2021, section 4.1). */
function projectionParams(inDim: number, outDim: number, c: LlamaConfig): ProjectionTree {
  if (!c.lora) return weightParams(inDim, outDim, c);
  return {
    ...weightParams(inDim, outDim, c),
    lora_A: { default: linearParams(inDim, c.lora.r, { bias: false }) },
    lora_B: { default: linearParams(c.lora.r, outDim, { bias: false, init: zeros }) },
  };
}
