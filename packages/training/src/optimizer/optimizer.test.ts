import { tensor } from '@emu-ts/base';
import { graphOf, input, interpret, tensorType, type Value } from '@emu-ts/graph';
import { expect, it } from 'vitest';
import { clipCoefficient, globalNorm, isNumber } from './clip.js';
import { assign, type OptimizerOptions } from './groups.js';
import { matcher } from './pattern.js';
import { emuPretraining } from './presets.js';
import { constant, milestones, warmupCosine, warmupLinear } from './schedule.js';

const run = (y: Value, inputs: Record<string, number[]> = {}) =>
  interpret(
    graphOf({ y }),
    Object.fromEntries(Object.entries(inputs).map(([k, v]) => [k, tensor('f32', [v.length], v)])),
  ).y.data[0];

const vector = (name: string, length: number) => input(name, tensorType('f32', [length]));

it('clips like clip_grad_norm_', () => {
  const norm = globalNorm([vector('a', 2), vector('b', 1)]);
  const inputs = { a: [3, 4], b: [12] };
  expect(run(norm, inputs)).toBe(13);
  expect(run(clipCoefficient(norm, 1), inputs)).toBeCloseTo(1 / (13 + 1e-6), 15);
  expect(run(clipCoefficient(norm, 20), inputs)).toBe(1);
});

it('knows numbers from NaN and infinity', () => {
  const x = vector('x', 1);
  const finite = (value: number) => run(isNumber(x), { x: [value] });
  expect([0, -3e38, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map(finite)).toEqual([
    1, 1, 0, 0, 0,
  ]);
});

it('matches names by segment', () => {
  expect(matcher(['visual.**'])('visual.blocks.0.attn.qkv.weight')).toBe(true);
  expect(matcher(['visual.**'])('ln_visual.weight')).toBe(false);
  expect(matcher(['layers.*.weight'])('layers.3.weight')).toBe(true);
  expect(matcher(['layers.*.weight'])('layers.3.mlp.weight')).toBe(false);
  expect(matcher(['**.bias'])('a.b.bias')).toBe(true);
  expect(() => matcher([''])).toThrow(/empty/);
});

const names = ['visual.pos_embed', 'visual.w', 'cformer.w', 'decoder.w', 'decoder.embed.weight'];
const options: OptimizerOptions = {
  betas: [0.9, 0.98],
  eps: 1e-6,
  weightDecay: 0.05,
  groups: [
    { name: 'vision', match: ['visual.**'], rate: 4e-5 },
    { name: 'rest', match: ['**'], rate: 1e-4, weightDecay: 0 },
  ],
};

it('gives each trained parameter its group and decay', () => {
  const treated = assign(names, {
    ...options,
    noDecay: ['**.pos_embed'],
    frozen: ['cformer.**'],
    rows: { '**.embed.weight': 3 },
  });
  expect(Object.fromEntries(treated)).toEqual({
    'visual.pos_embed': { group: 'vision', weightDecay: 0, rule: 'adamw', firstRow: 0 },
    'visual.w': { group: 'vision', weightDecay: 0.05, rule: 'adamw', firstRow: 0 },
    'decoder.w': { group: 'rest', weightDecay: 0, rule: 'adamw', firstRow: 0 },
    'decoder.embed.weight': { group: 'rest', weightDecay: 0, rule: 'adamw', firstRow: 3 },
  });
});

it('leaves what no pattern of Muon names to AdamW, and refuses patterns that name nothing', () => {
  const treated = assign(names, { ...options, muon: ['decoder.w'] });
  const rules = [...treated].map(([name, { rule }]) => `${name} ${rule}`);
  expect(rules.filter((line) => line.endsWith('muon'))).toEqual(['decoder.w muon']);
  expect(() => assign(names, { ...options, muon: ['decoder.q'] })).toThrow(/muon: no parameter/);
});

it('refuses patterns that name nothing and parameters without a group', () => {
  expect(() => assign(names, { ...options, frozen: ['vision.**'] })).toThrow(
    /frozen: no parameter is named 'vision\.\*\*'/,
  );
  expect(() => assign(names, { ...options, groups: options.groups.slice(0, 1) })).toThrow(
    /3 trained parameters belong to no group, such as 'cformer.w'/,
  );
  expect(() => assign(names, { ...options, groups: [options.groups[0], options.groups[0]] })).toThrow(
    /twice/,
  );
});

it('has the published rates', () => {
  const rates = emuPretraining.groups.map(({ name, rate }) => [name, rate]);
  expect(rates).toEqual([
    ['vision', 4e-5],
    ['causal-transformer', 1e-4],
    ['language-model', 3e-5],
  ]);
});

it('warms up, then falls', () => {
  const cosine = warmupCosine({ steps: 100, warmup: 20 });
  expect(cosine(0)).toBeCloseTo(1 / 20);
  expect(cosine(19)).toBe(1);
  expect(cosine(60)).toBeCloseTo(0.5);
  expect(cosine(100)).toBeCloseTo(0);
  expect(cosine(200)).toBeCloseTo(0);
  expect(warmupCosine({ steps: 10, final: 0.1 })(10)).toBeCloseTo(0.1);
  expect(warmupLinear({ steps: 10 })(5)).toBeCloseTo(0.5);
  const decoder = milestones({ 10000: 0.5, 14000: 0.1 }, 5000);
  expect([2499, 7000, 10_000, 14_500].map(decoder)).toEqual([0.5, 1, 0.5, 0.1]);
  expect(constant(3)).toBe(1);
});
