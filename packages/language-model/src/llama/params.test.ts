import { readFileSync } from 'node:fs';
import { countParams, flatten } from '@emu-ts/params';
import { fixture } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { emu14bInstructLlama, emu14bLlama, type LlamaConfig } from './config.js';
import { llamaModel } from './model.js';
import { instructPrefix, llamaParams, pretrainPrefix } from './params.js';

const released = JSON.parse(readFileSync(fixture('reference', 'emu-14b-tensors.json'), 'utf8'));

/** Of the language model alone, without rotary frequencies, which are computed. */
const languageModel = (tensors: Record<string, number[]>) =>
  Object.entries(tensors)
    .filter(([name]) => name.startsWith('decoder.lm.') && !/stu_regress_head|inv_freq/.test(name))
    .sort();

const shapes = (config: LlamaConfig, prefix: string) =>
  [...flatten(llamaParams(config), prefix)].map(([name, { shape }]) => [name, shape]).sort();

describe('the parameter tree', () => {
  it('is the pretrained checkpoint, name by name and shape by shape', () => {
    expect(shapes(emu14bLlama, pretrainPrefix)).toEqual(languageModel(released.pretrain));
  });

  it('is the instruction-tuned checkpoint, LoRA included', () => {
    expect(shapes(emu14bInstructLlama, instructPrefix)).toEqual(languageModel(released.instruct));
  });

  it('counts as many numbers as the released model', () => {
    expect(countParams(llamaParams(emu14bLlama))).toBe(13_015_905_280);
    const added = 2 * 2 * 5120 + 26_214_400;
    expect(countParams(llamaParams(emu14bInstructLlama))).toBe(13_015_905_280 + added);
  });

  it('keeps its prefix as a model', () => {
    const names = [...flatten(llamaModel(emu14bLlama).params).keys()];
    expect(names[0]).toBe('decoder.lm.model.embed_tokens.weight');
  });

  it('has codes and scales in place of quantised weights', () => {
    const tree = flatten(llamaParams({ ...emu14bLlama, layers: 1, weights: 'int4' }));
    expect(tree.get('model.layers.0.mlp.down_proj.codes')).toMatchObject({
      dtype: 'u8',
      shape: [5120, 432, 16],
    });
    expect(tree.get('model.layers.0.mlp.down_proj.scales')).toMatchObject({
      dtype: 'f16',
      shape: [5120, 432],
    });
    expect(tree.has('model.layers.0.mlp.down_proj.weight')).toBe(false);
  });
});
