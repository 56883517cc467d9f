import { tensor } from '@emu-ts/base';
import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const inputs = (...shape: number[]) => {
  const f32 = tensorType('f32', shape);
  const scalar = tensorType('f32', []);
  return { param: f32, gradient: f32, m: f32, rate: scalar, scale: scalar, apply: tensorType('bool', []) };
};

const attrs = { momentum: 0.95, weightDecay: 0.05 };

const given = (apply: 0 | 1) => ({
  rate: tensor('f32', [], [3e-3]),
  scale: tensor('f32', [], [0.25]),
  apply: tensor('bool', [], [apply]),
});

export const cases: readonly OpCase[] = [
  { name: 'wide', inputs: inputs(3, 5), attrs, given: given(1) },
  { name: 'tall', inputs: inputs(7, 4), attrs, given: given(1) },
  { name: 'kernel', inputs: inputs(3, 2, 3, 3), attrs, given: given(1) },
  { name: 'no decay', inputs: inputs(4, 4), attrs: { ...attrs, weightDecay: 0 }, given: given(1) },
  { name: 'skipped', inputs: inputs(2, 3), attrs, given: given(0) },
  { name: 'LLaMA projection', inputs: inputs(5120, 5120), attrs, benchOnly: true },
];
