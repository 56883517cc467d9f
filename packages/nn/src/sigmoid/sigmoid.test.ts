import { tensor } from '@emu-ts/base';
import { graphOf, input, interpret, pullback, type Value } from '@emu-ts/graph';
import { describeOp } from '@emu-ts/testing';
import { expect, it } from 'vitest';
import { cases } from './cases.js';
import { sigmoid, sigmoidOp } from './op.js';

describeOp(sigmoidOp, cases);

it('has a gradient where e⁻ˣ is infinite', () => {
  const far = tensor('f64', [2], [-800, 800]);
  const [x, dy] = [input('x', far), input('dy', far)];
  const [dx] = pullback([[sigmoid(x), dy]], [x]);
  const { data } = interpret(graphOf({ dx: dx as Value }), { x: far, dy: tensor('f64', [2], [1, 1]) }).dx;
  expect([...data].map(Math.abs)).toEqual([0, 0]);
});
