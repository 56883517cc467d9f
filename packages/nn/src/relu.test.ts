import { tensor } from '@emu-ts/base';
import { gradients, graphOf, input, interpret, sum, tensorType } from '@emu-ts/graph';
import { expect, it } from 'vitest';
import { relu } from './relu.js';

it('relu has no slope at and below zero', () => {
  const x = input('x', tensorType('f32', [3]));
  const y = relu(x);
  const [dx] = gradients(sum(y), [x]);
  const result = interpret(graphOf({ y, dx }), { x: tensor('f32', [3], [-2, 0, 3]) });
  expect([...result.y.data]).toEqual([0, 0, 3]);
  expect([...result.dx.data]).toEqual([0, 0, 1]);
});
