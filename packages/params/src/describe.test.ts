import { expect, it, describe as suite } from 'vitest';
import { countParams, describe, normal, param, withDtype, zeros } from './index.js';

const tree = {
  blocks: [0, 1, 2, 3].map(() => ({ norm: { weight: param([8], zeros) } })),
  head: { weight: param([3, 8], normal(1)), bias: undefined },
};

suite('describe', () => {
  it('folds numbered repetitions', () => {
    expect(`\n${describe(tree)}`).toBe(`
blocks.*.norm.weight  f32[8]    ×4
head.weight           f32[3,8]
5 tensors, 56 parameters`);
    expect(describe(tree, 'model').startsWith('model.blocks.*.norm.weight')).toBe(true);
  });

  it('counts', () => {
    expect(countParams(tree)).toBe(56);
    expect(countParams({})).toBe(0);
  });
});

suite('withDtype', () => {
  it('changes the weights that are picked', () => {
    const half = withDtype(tree, 'f16', (name) => name.startsWith('head'));
    expect([half.head.weight.dtype, half.blocks[0].norm.weight.dtype]).toEqual(['f16', 'f32']);
    expect(tree.head.weight.dtype).toBe('f32');
  });
});
