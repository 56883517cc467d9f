import { describe, expect, it } from 'vitest';
import { emu14bInstructLlama, emu14bLlama, parseLlamaConfig } from './config.js';

/** The fields of LLaMA-13B's own file that matter. */
const file = {
  hidden_act: 'silu',
  hidden_size: 5120,
  initializer_range: 0.02,
  intermediate_size: 13824,
  max_position_embeddings: 2048,
  num_attention_heads: 40,
  num_hidden_layers: 40,
  rms_norm_eps: 1e-6,
  tie_word_embeddings: false,
  vocab_size: 32000,
};

describe('parseLlamaConfig', () => {
  it('reads the released file', () => {
    expect(parseLlamaConfig(file, { vocabSize: 32004 })).toEqual(emu14bLlama);
    const instruct = { vocabSize: 32006, lora: { r: 16, alpha: 16 } };
    expect(parseLlamaConfig(file, instruct)).toEqual(emu14bInstructLlama);
  });

  it.each([
    ['hidden_size', undefined],
    ['num_hidden_layers', '40'],
    ['intermediate_size', -1],
    ['hidden_act', 'gelu'],
    ['tie_word_embeddings', true],
    ['num_key_value_heads', 8],
  ])('refuses %s = %s and says so', (field, value) => {
    expect(() => parseLlamaConfig({ ...file, [field]: value }, { vocabSize: 32004 })).toThrow(
      expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining(field) }),
    );
  });

  it('refuses heads that cannot be rotated', () => {
    expect(() => parseLlamaConfig({ ...file, num_attention_heads: 1024 }, { vocabSize: 32004 })).toThrow(
      /5120 does not divide into 1024/,
    );
  });
});
