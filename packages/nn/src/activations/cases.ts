import { tensor } from '@emu-ts/base';
import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const f32 = (...shape: number[]) => tensorType('f32', shape);

/** Cases of functions of one number. @param far the largest; from 710 on e⁻ˣ is 0 or infinite even in f64 */
export const unaryCases = (far = 800): readonly OpCase[] => [
  { name: 'small', inputs: { x: f32(3, 5) }, attrs: {} },
  {
    name: 'far from zero',
    inputs: { x: f32(6) },
    attrs: {},
    given: { x: tensor('f64', [6], [-far, -30, -1e-9, 1e-9, 30, far]) },
    differences: false,
  },
  { name: 'EVA-CLIP', inputs: { x: f32(1, 257, 6144) }, attrs: {}, benchOnly: true },
];
