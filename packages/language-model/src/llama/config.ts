import { EmuError } from '@emu-ts/base';

/** How projection weights are stored. `int4` and `int8` are groups of 32 with one scale (see @emu-ts/nn). */
export type WeightDType = 'f32' | 'f16' | 'bf16' | 'int8' | 'int4';

export interface LoraConfig {
  /** Rank of the update. */
  readonly r: number;
  /** The update counts alpha / r times. */
  readonly alpha: number;
  /** Share of what the update reads that is left out in training. Default 0; Emu-I was tuned with 0.05. */
  readonly dropout?: number | undefined;
}

export interface LlamaConfig {
  /** Rows of the embedding table, added tokens included. */
  readonly vocabSize: number;
  readonly width: number;
  readonly layers: number;
  /** Attention heads; they divide the width. */
  readonly heads: number;
  /** Width inside the feed-forward network. */
  readonly hiddenWidth: number;
  /** Added to the mean square in every RMSNorm. */
  readonly eps: number;
  /** Positions a row may have. */
  readonly contextLength: number;
  /** The longest rotary wavelength is 2π times this. */
  readonly ropeBase: number;
  /**
   * What the rotary tables are rounded to. The official code casts the model to bf16 before it loads weights, tables
   * included, so that Emu's were rounded whatever format its weights were kept in.
   */
  readonly ropeTable: 'f32' | 'bf16';
  /** Standard deviation of fresh weights. */
  readonly initStd: number;
  /** Low-rank updates on the attention projections, kept apart from the weights they update. */
  readonly lora?: LoraConfig | undefined;
  /** Default f32. */
  readonly weights?: WeightDType | undefined;
}

/** What the pretrained Emu adds to the vocabulary: `[PAD]`, `[IMG]`, `[/IMG]`, `<image>`. */
const pretrainTokens = 4;
/** Emu-I adds `[USER]` and `[ASSISTANT]` as well. */
const instructTokens = 6;

/** LLaMA-13B as in the pretrained Emu-14B. */
export const emu14bLlama = {
  vocabSize: 32000 + pretrainTokens,
  width: 5120,
  layers: 40,
  heads: 40,
  hiddenWidth: 13824,
  eps: 1e-6,
  contextLength: 2048,
  ropeBase: 10000,
  ropeTable: 'bf16',
  initStd: 0.02,
} as const satisfies LlamaConfig;

/** The same in Emu-I: two more tokens, and LoRA. */
export const emu14bInstructLlama = {
  ...emu14bLlama,
  vocabSize: 32000 + instructTokens,
  lora: { r: 16, alpha: 16 },
} as const satisfies LlamaConfig;

export interface ParseLlamaOptions extends Pick<LlamaConfig, 'lora' | 'weights'> {
  /** Rows of the checkpoint's embedding table: the file counts the pieces only, and tokens were added since. */
  readonly vocabSize: number;
  /** Default bf16, as in Emu. */
  readonly ropeTable?: LlamaConfig['ropeTable'] | undefined;
}

/** Reads the `config.json` of a LLaMA in Hugging Face's names. Throws `EmuError` `CONFIG` that names the field. */
export function parseLlamaConfig(
  json: Readonly<Record<string, unknown>>,
  { vocabSize, ropeTable = 'bf16', ...rest }: ParseLlamaOptions,
): LlamaConfig {
  const number = (field: string, otherwise?: number): number => {
    const value = json[field] ?? otherwise;
    if (typeof value !== 'number' || !(value > 0))
      throw new EmuError('CONFIG', `LLaMA config: '${field}' must be a positive number, got ${json[field]}.`);
    return value;
  };
  const only = (field: string, wanted: unknown): void => {
    if (json[field] !== undefined && json[field] !== wanted)
      throw new EmuError('CONFIG', `LLaMA config: '${field}' must be ${wanted}, got ${json[field]}.`);
  };
  only('hidden_act', 'silu');
  only('tie_word_embeddings', false);
  only('num_key_value_heads', json.num_attention_heads);
  const config: LlamaConfig = {
    vocabSize,
    width: number('hidden_size'),
    layers: number('num_hidden_layers'),
    heads: number('num_attention_heads'),
    hiddenWidth: number('intermediate_size'),
    eps: number('rms_norm_eps', 1e-6),
    contextLength: number('max_position_embeddings', 2048),
    ropeBase: number('rope_theta', 10000),
    ropeTable,
    initStd: number('initializer_range', 0.02),
    ...rest,
  };
  if (config.width % (2 * config.heads) !== 0) {
    throw new EmuError(
      'CONFIG',
      `LLaMA config: width ${config.width} does not divide into ${config.heads} heads of even size.`,
    );
  }
  return config;
}

/** Elements of one attention head. */
export const headSize = ({ width, heads }: LlamaConfig): number => width / heads;

/** How much a low-rank update counts. */
export const loraScale = ({ lora }: LlamaConfig): number => (lora ? lora.alpha / lora.r : 0);
