import { tensor } from '@emu-ts/base';
import { gradients, graphOf, input, interpret, mul, sum, tensorType } from '@emu-ts/graph';
import { describeOp } from '@emu-ts/testing';
import { expect, it } from 'vitest';
import { cases } from './cases.js';
import { stopGradient, stopGradientOp } from './op.js';

describeOp(stopGradientOp, cases, { gradient: false });

it('lets gradients pass beside it, and none through it', () => {
  const x = input('x', tensorType('f32', [3]));
  const [dx] = gradients(sum(mul(x, stopGradient(mul(x, 2)))), [x]); // d(x · 2x)/dx with 2x held fixed
  const result = interpret(graphOf({ dx }), { x: tensor('f64', [3], [1, -2, 3]) });
  expect([...result.dx.data]).toEqual([2, -4, 6]);
});
