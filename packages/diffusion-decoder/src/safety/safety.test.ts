import { flatten } from '@emu-ts/params';
import { describe, expect, it } from 'vitest';
import { safetyParams } from './clip.js';
import { emuSafetyConfig, parseSafetyConfig } from './config.js';
import { judge } from './rule.js';

describe('the rule', () => {
  const unit = (angle: number) => [Math.cos(angle), Math.sin(angle)];
  const picture = Float32Array.from([2, 0]);
  const concepts = (angles: readonly number[], thresholds: readonly number[]) => ({
    embeddings: Float32Array.from(angles.flatMap(unit)),
    thresholds: Float32Array.from(thresholds),
  });
  const none = concepts([Math.PI], [0]);

  it('flags a concept above its threshold', () => {
    expect(judge(picture, concepts([0, Math.PI / 3], [0.9, 0.6]), none)).toEqual({
      flagged: true,
      scores: [0.1, -0.1],
    });
  });

  it('rounds to three decimals, so a hair above the threshold is not above it', () => {
    expect(judge(picture, concepts([0], [0.9996]), none)).toEqual({ flagged: false, scores: [0] });
    expect(judge(picture, concepts([0], [0.9994]), none)).toEqual({ flagged: true, scores: [0.001] });
  });

  it('judges more strictly after a special concept, but never flags for one alone', () => {
    const special = concepts([0], [0.5]);
    expect(judge(picture, concepts([Math.PI / 3], [0.505]), none).scores).toEqual([-0.005]);
    expect(judge(picture, concepts([Math.PI / 3], [0.505]), special)).toEqual({
      flagged: true,
      scores: [0.005],
    });
    expect(judge(picture, concepts([Math.PI / 3], [0.8]), special).flagged).toBe(false);
  });

  it('lets one special concept push the next over its threshold', () => {
    const special = concepts([0, 0], [0.5, 1.005]);
    const later = concepts([0], [1.005]);
    expect(judge(picture, later, special).scores).toEqual([0.005]);
  });
});

describe('safety_checker/config.json', () => {
  const released = {
    projection_dim: 768,
    vision_config: {
      hidden_act: 'quick_gelu',
      hidden_size: 1024,
      image_size: 224,
      intermediate_size: 4096,
      layer_norm_eps: 1e-5,
      num_attention_heads: 16,
      num_hidden_layers: 24,
      patch_size: 14,
    },
  };

  it('reads the released file', () => {
    expect(parseSafetyConfig(released)).toEqual(emuSafetyConfig);
  });

  it('names the section of a field it cannot take', () => {
    const change = { vision_config: { ...released.vision_config, hidden_act: 'gelu' } };
    expect(() => parseSafetyConfig({ ...released, ...change })).toThrow(/vision_config: hidden_act/);
    expect(() => parseSafetyConfig({ projection_dim: 768 })).toThrow(/vision_config must be an object/);
  });

  it('has the tensors of CLIP ViT-L/14', () => {
    const weights = flatten(safetyParams(emuSafetyConfig));
    const shape = (name: string) => weights.get(name)?.shape;
    expect(shape('vision_model.vision_model.embeddings.position_embedding.weight')).toEqual([257, 1024]);
    expect(shape('vision_model.vision_model.encoder.layers.23.mlp.fc1.weight')).toEqual([4096, 1024]);
    expect(shape('visual_projection.weight')).toEqual([768, 1024]);
    expect(shape('concept_embeds')).toEqual([17, 768]);
  });
});
