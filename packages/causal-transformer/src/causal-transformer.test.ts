import { readFileSync } from 'node:fs';
import { causalTransformerChecks } from '@emu-ts/contracts/conformance';
import { gradients, graphOf, input, interpreter, mean, mul } from '@emu-ts/graph';
import { countParams, flatten, initialize, paramInputs, tensorSource } from '@emu-ts/params';
import { fixture } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import {
  type CausalTransformerConfig,
  causalTransformer,
  causalTransformer14B,
  causalTransformerParams,
  parseT5Config,
  t5CausalTransformer,
} from './index.js';

const small: CausalTransformerConfig = {
  queries: 5,
  inputWidth: 12,
  outputWidth: 9,
  width: 14,
  layers: 2,
  heads: 3,
  headWidth: 10,
  mlpWidth: 17,
  buckets: 32,
  maxDistance: 128,
  normEps: 1e-6,
};

describe('parameters', () => {
  it('are the tensors of the released checkpoint, by name and shape, but for the table nothing reads', () => {
    const { pretrain } = JSON.parse(readFileSync(fixture('reference', 'emu-14b-tensors.json'), 'utf8'));
    const released = Object.entries(pretrain).filter(
      ([name]) => name.startsWith('cformer.') && name !== 'cformer.cformer.embed_tokens.weight',
    );
    const ours = flatten(t5CausalTransformer(causalTransformer14B).params);
    expect(Object.fromEntries([...ours].map(([name, { shape }]) => [name, shape]))).toEqual(
      Object.fromEntries(released),
    );
  });

  it('are as many as the reference has', () => {
    expect(countParams(causalTransformerParams(causalTransformer14B))).toBe(125_071_488 + 24_576 + 3_937_280);
  });
});

describe('parseT5Config', () => {
  const { queries, inputWidth, outputWidth } = causalTransformer14B;
  const neighbours = { queries, inputWidth, outputWidth };
  const base = {
    d_model: 768,
    d_kv: 64,
    d_ff: 3072,
    num_layers: 12,
    num_heads: 12,
    relative_attention_num_buckets: 32,
    layer_norm_epsilon: 1e-6,
  };

  it('reads T5-base', () => {
    expect(parseT5Config(base, neighbours)).toEqual(causalTransformer14B);
    expect(parseT5Config({ ...base, num_decoder_layers: 3 }, neighbours).layers).toBe(3);
  });

  it('refuses what is missing or another architecture', () => {
    for (const [json, message] of [
      [null, /object for the T5 configuration, got null/],
      [{ ...base, d_kv: undefined }, /d_kv of T5, got undefined/],
      [{ ...base, feed_forward_proj: 'gated-gelu' }, /must be "relu", got "gated-gelu"/],
    ] as const) {
      expect(() => parseT5Config(json, neighbours)).toThrow(message);
      expect(() => parseT5Config(json, neighbours)).toThrow(expect.objectContaining({ code: 'CONFIG' }));
    }
  });
});

describe('the graph', () => {
  const model = t5CausalTransformer(small);
  const p = paramInputs(model.params);
  const features = input('features', { dtype: 'f32', shape: [2, 10, 12] });

  it('reads every weight and differentiates to each', () => {
    const y = model.forward(p, features);
    const { inputs } = graphOf({ y });
    expect(Object.keys(inputs).sort()).toEqual(['features', ...flatten(model.params).keys()].sort());
    const slopes = gradients(mean(mul(y, y)), Object.values(inputs));
    expect(slopes.map(({ shape }) => shape)).toEqual(Object.values(inputs).map(({ shape }) => shape));
  });

  it('refuses features of another width', () => {
    const narrow = input('features', { dtype: 'f32', shape: [2, 10, 11] });
    expect(() => model.forward(p, narrow)).toThrow(/Expected 12.*f32\[2,10,11\]/);
  });
});

describe('the component', () => {
  const model = t5CausalTransformer(small);
  const source = tensorSource(initialize(model.params, { seed: 1 }));
  const create = () => causalTransformer({ executor: interpreter(), model, source });

  for (const { name, run } of causalTransformerChecks(create, 10)) it(name, run);
});
