import { readFileSync } from 'node:fs';
import { tensor } from '@emu-ts/base';
import { visualEncoderChecks } from '@emu-ts/contracts/conformance';
import { gradients, graphOf, input, interpreter, mean, mul, print } from '@emu-ts/graph';
import { countParams, flatten, initialize, paramInputs, tensorSource } from '@emu-ts/params';
import { fixture } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import {
  type EvaClipConfig,
  evaClip,
  evaClipG14,
  evaClipParams,
  parseEvaClipConfig,
  visualEncoder,
  visualEncoderParams,
} from './index.js';

const small: EvaClipConfig = {
  imageSize: 12,
  patchSize: 4,
  width: 60,
  layers: 2,
  heads: 6,
  mlpWidth: 65,
  embedDim: 7,
  normEps: 1e-6,
};

describe('parameters', () => {
  it('are the tensors of the released checkpoint, by name and shape', () => {
    const { pretrain } = JSON.parse(readFileSync(fixture('reference', 'emu-14b-tensors.json'), 'utf8'));
    const released = Object.entries(pretrain).filter(([name]) => /^(visual|ln_visual)\./.test(name));
    const ours = [...flatten(visualEncoderParams(evaClipG14))].map(([name, { shape }]) => [name, shape]);
    expect(ours).toHaveLength(530);
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(released));
  });

  it('are as many as the reference has', () => {
    expect(countParams(evaClipParams(evaClipG14))).toBe(1_012_588_928);
  });
});

describe('parseEvaClipConfig', () => {
  const released = {
    embed_dim: 1024,
    vision_cfg: {
      image_size: 224,
      layers: 40,
      width: 1408,
      head_width: 88,
      mlp_ratio: 4.3637,
      patch_size: 14,
      eva_model_name: 'eva-clip-g-14-x',
    },
  };
  const changed = (vision: object) => ({ ...released, vision_cfg: { ...released.vision_cfg, ...vision } });

  it('reads the released file', () => {
    expect(parseEvaClipConfig(released)).toEqual(evaClipG14);
  });

  it.each([
    ['nothing', undefined, /model configuration, got undefined/],
    ['no vision', { embed_dim: 4 }, /vision_cfg, got undefined/],
    ['a missing field', changed({ layers: undefined }), /vision_cfg\.layers, got undefined/],
    ['half a layer', changed({ layers: 1.5 }), /whole number for vision_cfg\.layers, got 1\.5/],
    ['a cut patch', changed({ image_size: 225 }), /image_size 225 is not a multiple of patch_size 14/],
    ['a cut head', changed({ head_width: 80 }), /width 1408 is not a multiple of head_width 80/],
  ])('refuses %s', (_, json, message) => {
    expect(() => parseEvaClipConfig(json)).toThrow(message);
    expect(() => parseEvaClipConfig(json)).toThrow(expect.objectContaining({ code: 'CONFIG' }));
  });
});

describe('the graph', () => {
  const model = evaClip(small);
  const p = paramInputs(model.params);
  const pixels = input('pixels', { dtype: 'f32', shape: [2, 3, 12, 12] });

  it('is the residual stream of the paper', () => {
    const { blocks } = p.visual;
    const oneLayer = { ...p, visual: { ...p.visual, blocks: blocks.slice(0, 1) } };
    expect(print(graphOf({ y: model.forward(oneLayer, pixels) }))).toMatchInlineSnapshot(`
      "(visual.cls_token: f32[1,1,60], pixels: f32[2,3,12,12], visual.patch_embed.proj.weight: f32[60,3,4,4], visual.patch_embed.proj.bias: f32[60], visual.pos_embed: f32[1,10,60], visual.blocks.0.norm1.weight: f32[60], visual.blocks.0.norm1.bias: f32[60], visual.blocks.0.attn.qkv.weight: f32[180,60], visual.blocks.0.attn.q_bias: f32[60], visual.blocks.0.attn.v_bias: f32[60], visual.blocks.0.attn.proj.weight: f32[60,60], visual.blocks.0.attn.proj.bias: f32[60], visual.blocks.0.norm2.weight: f32[60], visual.blocks.0.norm2.bias: f32[60], visual.blocks.0.mlp.fc1.weight: f32[65,60], visual.blocks.0.mlp.fc1.bias: f32[65], visual.blocks.0.mlp.fc2.weight: f32[60,65], visual.blocks.0.mlp.fc2.bias: f32[60], ln_visual.weight: f32[60], ln_visual.bias: f32[60]) {
        %0 = prim.broadcast(visual.cls_token, shape=[2,1,60]) : f32[2,1,60]
        %1 = nn.conv2d(pixels, visual.patch_embed.proj.weight, visual.patch_embed.proj.bias, strides=[4,4], padding=[0,0,0,0]) : f32[2,60,3,3]
        %2 = prim.reshape(%1, shape=[2,60,9]) : f32[2,60,9]
        %3 = prim.transpose(%2, permutation=[0,2,1]) : f32[2,9,60]
        %4 = prim.concat(%0, %3, axis=1) : f32[2,10,60]
        %5 = prim.add(%4, visual.pos_embed) : f32[2,10,60]
        %6, %7, %8 = nn.layer_norm(%5, visual.blocks.0.norm1.weight, visual.blocks.0.norm1.bias, eps=0.000001) : f32[2,10,60], f32[2,10,1], f32[2,10,1]
        %9 = prim.full(shape=[60], dtype="f32", value=0) : f32[60]
        %10 = prim.concat(visual.blocks.0.attn.q_bias, %9, visual.blocks.0.attn.v_bias, axis=0) : f32[180]
        %11 = nn.linear(%6, visual.blocks.0.attn.qkv.weight, %10) : f32[2,10,180]
        %12 = prim.slice(%11, starts=[0,0,0], ends=[2,10,60], steps=[1,1,1]) : f32[2,10,60]
        %13 = prim.reshape(%12, shape=[2,10,6,10]) : f32[2,10,6,10]
        %14 = prim.transpose(%13, permutation=[0,2,1,3]) : f32[2,6,10,10]
        %15 = prim.slice(%11, starts=[0,0,60], ends=[2,10,120], steps=[1,1,1]) : f32[2,10,60]
        %16 = prim.reshape(%15, shape=[2,10,6,10]) : f32[2,10,6,10]
        %17 = prim.transpose(%16, permutation=[0,2,1,3]) : f32[2,6,10,10]
        %18 = prim.slice(%11, starts=[0,0,120], ends=[2,10,180], steps=[1,1,1]) : f32[2,10,60]
        %19 = prim.reshape(%18, shape=[2,10,6,10]) : f32[2,10,6,10]
        %20 = prim.transpose(%19, permutation=[0,2,1,3]) : f32[2,6,10,10]
        %21, %22 = attention.sdpa(%14, %17, %20, scale=0.31622776601683794, causal=false) : f32[2,6,10,10], f32[2,6,10,1]
        %23 = prim.transpose(%21, permutation=[0,2,1,3]) : f32[2,10,6,10]
        %24 = prim.reshape(%23, shape=[2,10,60]) : f32[2,10,60]
        %25 = nn.linear(%24, visual.blocks.0.attn.proj.weight, visual.blocks.0.attn.proj.bias) : f32[2,10,60]
        %26 = prim.add(%5, %25) : f32[2,10,60]
        %27, %28, %29 = nn.layer_norm(%26, visual.blocks.0.norm2.weight, visual.blocks.0.norm2.bias, eps=0.000001) : f32[2,10,60], f32[2,10,1], f32[2,10,1]
        %30 = nn.linear(%27, visual.blocks.0.mlp.fc1.weight, visual.blocks.0.mlp.fc1.bias) : f32[2,10,65]
        %31 = nn.gelu(%30) : f32[2,10,65]
        %32 = nn.linear(%31, visual.blocks.0.mlp.fc2.weight, visual.blocks.0.mlp.fc2.bias) : f32[2,10,60]
        %33 = prim.add(%26, %32) : f32[2,10,60]
        %34, %35, %36 = nn.layer_norm(%33, ln_visual.weight, ln_visual.bias, eps=0.000001) : f32[2,10,60], f32[2,10,1], f32[2,10,1]
      } -> y: %34"
    `);
  });

  it('reads every weight but the unused ones, and differentiates to each', () => {
    const y = model.forward(p, pixels);
    const read = Object.keys(graphOf({ y }).inputs);
    const all = [...flatten(model.params).keys()];
    expect(all.filter((name) => !read.includes(name))).toEqual([
      'visual.norm.weight',
      'visual.norm.bias',
      'visual.head.weight',
      'visual.head.bias',
    ]);
    const weights = Object.values(graphOf({ y }).inputs);
    const slopes = gradients(mean(mul(y, y)), weights);
    expect(slopes.map(({ shape }) => shape)).toEqual(weights.map(({ shape }) => shape));
  });
});

describe('the component', () => {
  const model = evaClip(small);
  const source = tensorSource(initialize(model.params, { seed: 1 }));
  const create = () => visualEncoder({ executor: interpreter(), model, source });

  for (const { name, run } of visualEncoderChecks(create)) it(name, run);

  it('takes its weights out of a larger checkpoint, and names those that do not fit', async () => {
    const tensors = initialize(model.params, { seed: 1 });
    tensors.set('decoder.lm.lm_head.weight', tensor('f32', [1]));
    tensors.delete('visual.head.bias');
    await (await visualEncoder({ executor: interpreter(), model, source: tensorSource(tensors) })).dispose();
    tensors.delete('ln_visual.bias');
    tensors.set('visual.blocks.2.norm1.weight', tensor('f32', [60]));
    await expect(
      visualEncoder({ executor: interpreter(), model, source: tensorSource(tensors) }),
    ).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      missing: ['ln_visual.bias'],
      unexpected: ['visual.blocks.2.norm1.weight'],
    });
  });
});
