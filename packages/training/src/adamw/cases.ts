import { tensor } from '@emu-ts/base';
import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const scalars = { rate: tensorType('f32', []), step: tensorType('f32', []), scale: tensorType('f32', []) };
const inputs = (...shape: number[]) => {
  const f32 = tensorType('f32', shape);
  return { param: f32, gradient: f32, m: f32, v: f32, ...scalars, apply: tensorType('bool', []) };
};

const attrs = { beta1: 0.9, beta2: 0.98, eps: 1e-6, weightDecay: 0.05 };

const given = (step: number, apply: 0 | 1, v: number[]) => ({
  rate: tensor('f32', [], [3e-4]),
  step: tensor('f32', [], [step]),
  scale: tensor('f32', [], [0.25]),
  apply: tensor('bool', [], [apply]),
  v: tensor('f32', [2, 3], v),
});

const second = [0.1, 0.2, 1e-3, 4, 0, 0.7];

export const cases: readonly OpCase[] = [
  { name: 'first step', inputs: inputs(2, 3), attrs, given: given(1, 1, [0, 0, 0, 0, 0, 0]) },
  { name: 'late step', inputs: inputs(2, 3), attrs, given: given(9_999, 1, second) },
  {
    name: 'no decay',
    inputs: inputs(2, 3),
    attrs: { ...attrs, beta2: 0.999, weightDecay: 0 },
    given: given(2, 1, second),
  },
  { name: 'skipped', inputs: inputs(2, 3), attrs, given: given(3, 0, second) },
  { name: 'LLaMA projection', inputs: inputs(5120, 5120), attrs, benchOnly: true },
];
