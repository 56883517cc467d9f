import { EmuError } from '@emu-ts/base';

/** Sizes of the causal transformer, a T5-style decoder over learned queries. */
export interface CausalTransformerConfig {
  /** Learned queries, which become the image embeddings of one picture. */
  readonly queries: number;
  /** Width of the image encoder's features. */
  readonly inputWidth: number;
  /** Width of the language model. */
  readonly outputWidth: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly headWidth: number;
  readonly mlpWidth: number;
  /** Rows of the table of relative position biases. */
  readonly buckets: number;
  /** Distances from here on share the last bucket. */
  readonly maxDistance: number;
  readonly normEps: number;
}

/** The causal transformer of Emu-14B: T5-base's decoder between EVA-CLIP g/14 and LLaMA-13B. */
export const causalTransformer14B: CausalTransformerConfig = {
  queries: 32,
  inputWidth: 1408,
  outputWidth: 5120,
  width: 768,
  layers: 12,
  heads: 12,
  headWidth: 64,
  mlpWidth: 3072,
  buckets: 32,
  maxDistance: 128,
  normEps: 1e-6,
};

/**
 * Reads a T5 configuration as `transformers` writes it. What T5 does not know comes from its neighbours: queries
 * (`vladapter_cfg.n_causal`), the image encoder's width and the language model's.
 * Throws EmuError `CONFIG` naming the field that is missing or not supported.
 */
export function parseT5Config(
  json: unknown,
  neighbours: Pick<CausalTransformerConfig, 'queries' | 'inputWidth' | 'outputWidth'>,
): CausalTransformerConfig {
  if (typeof json !== 'object' || json === null)
    throw new EmuError('CONFIG', `Wanted an object for the T5 configuration, got ${JSON.stringify(json)}.`);
  const t5 = json as Readonly<Record<string, unknown>>;
  const number = (name: string, value = t5[name]): number => {
    if (typeof value === 'number' && value > 0) return value;
    throw new EmuError('CONFIG', `Wanted a positive number for ${name} of T5, got ${JSON.stringify(value)}.`);
  };
  const activation = t5.feed_forward_proj ?? 'relu';
  if (activation !== 'relu')
    throw new EmuError(
      'CONFIG',
      `feed_forward_proj of T5 must be "relu", got ${JSON.stringify(activation)}.`,
    );
  return {
    ...neighbours,
    width: number('d_model'),
    layers: number('num_decoder_layers', t5.num_decoder_layers ?? t5.num_layers),
    heads: number('num_heads'),
    headWidth: number('d_kv'),
    mlpWidth: number('d_ff'),
    buckets: number('relative_attention_num_buckets'),
    maxDistance: number('relative_attention_max_distance', t5.relative_attention_max_distance ?? 128),
    normEps: number('layer_norm_epsilon'),
  };
}
