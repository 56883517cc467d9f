import { EmuError } from '@emu-ts/base';
import {
  type CausalTransformerConfig,
  causalTransformer14B,
  parseT5Config,
} from '@emu-ts/causal-transformer';
import type { TensorInfo } from '@emu-ts/checkpoint';
import type { ChoosingOptions, DecodeDefaults } from '@emu-ts/diffusion-decoder';
import { emu14bLlama, type LlamaConfig, parseLlamaConfig, type WeightDType } from '@emu-ts/language-model';
import { type EvaClipConfig, evaClipG14, parseEvaClipConfig } from '@emu-ts/visual-encoder';

/** The sizes of every part of the multimodal encoder. */
export interface EmuConfig {
  readonly vision: EvaClipConfig;
  readonly causal: CausalTransformerConfig;
  readonly language: LlamaConfig;
  /** How the image decoder is used where a call does not say. */
  readonly drawing?: Drawing | undefined;
}

/** Defaults of the decoder, and how many pictures it draws for each that is given. */
export type Drawing = Partial<DecodeDefaults> & Pick<ChoosingOptions, 'candidates'>;

export interface ConfigOptions {
  /** Tensors of the checkpoint: the tokens that were added are counted there. */
  readonly entries: ReadonlyMap<string, TensorInfo>;
  readonly instruct: boolean;
  readonly weights?: WeightDType | undefined;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a model's sizes. The released checkpoints carry none (they are constants of the reference code), so without a
 * file the sizes are Emu-14B's; a smaller model has a `config.json` with the sections `emu` (as `Emu-14B.json`), `t5`,
 * `llama`, `lora` for an instruction-tuned one, and `drawing` (`steps`, `guidance_scale`, `scheduler`, `candidates`) where pictures want
 * other defaults than the reference's.
 */
export function readConfig(json: Json | undefined, { entries, instruct, weights }: ConfigOptions): EmuConfig {
  const language = { vocabSize: vocabularyOf(entries), ...(weights ? { weights } : {}) };
  if (!json) {
    const lora = instruct ? { lora: { r: 16, alpha: 16 } } : {};
    return {
      vision: evaClipG14,
      causal: causalTransformer14B,
      language: { ...emu14bLlama, ...language, ...lora },
    };
  }
  const vision = parseEvaClipConfig(json.emu);
  const llama = section(json, 'llama');
  const lora = instruct ? { lora: section(json, 'lora') as unknown as { r: number; alpha: number } } : {};
  const parsed = parseLlamaConfig(llama, { ...language, ...lora });
  const adapter = section(section(json, 'emu'), 'vladapter_cfg');
  const neighbours = {
    queries: adapter.n_causal as number,
    inputWidth: vision.width,
    outputWidth: parsed.width,
  };
  const causal = parseT5Config(section(json, 't5'), neighbours);
  return { vision, causal, language: parsed, drawing: drawingOf(json) };
}

function drawingOf(json: Json): EmuConfig['drawing'] {
  if (json.drawing === undefined) return undefined;
  const { steps, guidance_scale: guidanceScale, scheduler, candidates } = section(json, 'drawing');
  const wrong = Object.entries({ steps, guidance_scale: guidanceScale, candidates }).find(
    ([, value]) => value !== undefined && typeof value !== 'number',
  );
  if (wrong || (scheduler !== undefined && typeof scheduler !== 'string'))
    throw new EmuError(
      'CONFIG',
      `config.json has ${JSON.stringify(json.drawing)} for 'drawing', wanted numbers steps, guidance_scale and candidates and the name of a scheduler.`,
    );
  return Object.fromEntries(
    Object.entries({ steps, guidanceScale, scheduler, candidates }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}

function section(json: Json, name: string): Json {
  const value = json[name];
  if (typeof value === 'object' && value !== null) return value as Json;
  throw new EmuError('CONFIG', `config.json has no section '${name}', got ${JSON.stringify(value)}.`);
}

/** Rows of the embedding table, added tokens included. */
function vocabularyOf(entries: ReadonlyMap<string, TensorInfo>): number {
  for (const [name, { shape }] of entries) if (name.endsWith('model.embed_tokens.weight')) return shape[0];
  throw new EmuError(
    'CHECKPOINT_MISMATCH',
    `The checkpoint holds ${entries.size} tensors and no token embedding table.`,
    {
      hint: 'Give the multimodal encoder of Emu.',
    },
  );
}
