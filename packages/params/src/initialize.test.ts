import { readFileSync } from 'node:fs';
import { f16ToF32 } from '@emu-ts/base';
import { fixture } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { initialize, normal, ones, param, streamOf, uniform, zeros } from './index.js';

const tree = {
  blocks: [{ weight: param([300, 300], normal(0.5, 2)) }, { weight: param([300, 300], normal(0.5, 2)) }],
  bias: param([7], zeros),
  gain: param([7], ones, 'f16'),
  head: { weight: param([90000], uniform(0.25)) },
};
const weights = initialize(tree, { seed: 3, prefix: 'model' });
const data = (name: string) => Array.from(weights.get(name)!.data as Float32Array);
const mean = (xs: readonly number[]) => xs.reduce((a, b) => a + b, 0) / xs.length;

describe('initialize', () => {
  it('names weights by their path, in the order of the tree', () => {
    expect([...weights.keys()]).toEqual([
      'model.blocks.0.weight',
      'model.blocks.1.weight',
      'model.bias',
      'model.gain',
      'model.head.weight',
    ]);
  });

  it('draws from the distribution asked for, to within five standard errors', () => {
    const n = 90000;
    const drawn = data('model.blocks.0.weight');
    expect(Math.abs(mean(drawn) - 2)).toBeLessThan((5 * 0.5) / Math.sqrt(n));
    const variance = mean(drawn.map((x) => (x - 2) ** 2));
    expect(Math.abs(variance - 0.25)).toBeLessThan(5 * 0.25 * Math.sqrt(2 / n));
    const even = data('model.head.weight');
    expect(Math.abs(mean(even))).toBeLessThan((5 * 0.25) / Math.sqrt(3 * n));
    expect(even.every((x) => x >= -0.25 && x < 0.25)).toBe(true);
    expect(Math.max(...even.slice(0, 9000))).toBeGreaterThan(0.249);
    expect(data('model.bias')).toEqual(Array(7).fill(0));
    expect(data('model.gain').map(f16ToF32)).toEqual(Array(7).fill(1));
  });

  it('gives each weight numbers of its own, whatever is drawn beside it', () => {
    expect(data('model.blocks.0.weight')).not.toEqual(data('model.blocks.1.weight'));
    const alone = initialize({ weight: tree.blocks[1].weight }, { seed: 3, prefix: 'model.blocks.1' });
    expect(alone.get('model.blocks.1.weight')).toEqual(weights.get('model.blocks.1.weight'));
    const otherSeed = initialize(tree, { seed: 4, prefix: 'model' });
    expect(otherSeed.get('model.head.weight')).not.toEqual(weights.get('model.head.weight'));
  });

  it('has a stream for every weight of the released models', () => {
    const released = JSON.parse(readFileSync(fixture('reference', 'emu-14b-tensors.json'), 'utf8'));
    for (const model of ['pretrain', 'instruct', 'unet', 'vae']) {
      const names = Object.keys(released[model]);
      expect(new Set(names.map(streamOf)).size).toBe(names.length);
    }
  });
});
