import { connector, llama, lora, queries, vision } from '../model/config.js';

/** `config.json` of the small model: the sections that a released Emu keeps in several files. */
export const configJson = (vocabSize: number) => {
  const words = llama(vocabSize);
  return {
    emu: {
      embed_dim: vision.embedDim,
      vision_cfg: {
        image_size: vision.imageSize,
        patch_size: vision.patchSize,
        width: vision.width,
        layers: vision.layers,
        head_width: vision.width / vision.heads,
        mlp_ratio: vision.mlpWidth / vision.width,
      },
      multimodal_cfg: { name: 'llama-tiny', n_causal: queries },
      vladapter_cfg: { name: 'cformer', n_causal: queries },
    },
    t5: {
      d_model: connector.width,
      d_kv: connector.headWidth,
      d_ff: connector.mlpWidth,
      num_layers: connector.layers,
      num_decoder_layers: connector.layers,
      num_heads: connector.heads,
      relative_attention_num_buckets: connector.buckets,
      relative_attention_max_distance: connector.maxDistance,
      layer_norm_epsilon: connector.normEps,
      feed_forward_proj: 'relu',
    },
    llama: {
      hidden_act: 'silu',
      hidden_size: words.width,
      intermediate_size: words.hiddenWidth,
      num_attention_heads: words.heads,
      num_hidden_layers: words.layers,
      max_position_embeddings: words.contextLength,
      rms_norm_eps: words.eps,
      initializer_range: words.initStd,
      vocab_size: vocabSize,
    },
    lora,
    // Chosen on pictures of training combinations.
    drawing: { steps: 20, guidance_scale: 2.5, candidates: 8 },
  };
};
