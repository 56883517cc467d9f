import { type HostTensor, random, sizeOf, tensor } from '@emu-ts/base';
import {
  add,
  expand,
  graphOf,
  input,
  interpret,
  matmul,
  mean,
  mul,
  simplify,
  tanh,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import { describeOp, expectClose } from '@emu-ts/testing';
import { expect, it } from 'vitest';
import { peakBytes } from '../estimate/memory.js';
import { gradientsBySegments } from './gradients.js';
import { afterOp } from './op.js';

describeOp(
  afterOp,
  [
    {
      name: 'floats',
      inputs: { x: tensorType('f32', [2, 3]), after: tensorType('f32', [4]) },
      attrs: {},
    },
  ],
  { wrt: ['x'] },
);

const [batch, width, depth] = [64, 8, 12];

/** A residual stack with a skip from the first layer to the end, so that one value crosses every cut. */
function stack() {
  const x = input('x', tensorType('f32', [batch, width]));
  const weights = Array.from({ length: depth }, (_, i) => input(`w${i}`, tensorType('f32', [width, width])));
  let h: Value = matmul(x, weights[0]);
  const first = h;
  for (const w of weights.slice(1)) h = add(h, tanh(matmul(mul(tanh(h), 0.9), w)));
  const error = add(h, first);
  return { x, weights, loss: mean(mul(error, error)) };
}

const inputs: Record<string, HostTensor> = Object.fromEntries(
  [
    ['x', [batch, width]] as const,
    ...Array.from({ length: depth }, (_, i) => [`w${i}`, [width, width]] as const),
  ].map(([name, shape], i) => [name, tensor('f32', shape, random(1, i).normal(sizeOf(shape)))]),
);

const graphWith = (segments: number) => {
  const { x, weights, loss } = stack();
  const gradients = gradientsBySegments(loss, weights, { segments, batch: [x] });
  const named = gradients.map((g, i) => [`g${i}`, g as Value] as const);
  return graphOf(Object.fromEntries(named.reverse()));
};

it('gives the same gradients from segments, from less memory', () => {
  const whole = graphWith(1);
  const expected = interpret(whole, inputs);
  const peak = (segments: number) => peakBytes(simplify(expand(graphWith(segments))));
  for (const segments of [2, 3, 4, 12]) {
    const actual = interpret(graphWith(segments), inputs);
    for (const name of Object.keys(expected)) {
      expectClose(`${segments} segments: ${name}`, actual[name], expected[name], {
        dtype: 'f64',
        terms: batch,
        depth,
      });
    }
  }
  expect(peak(4)).toBeLessThan(0.6 * peak(1));
});

it('leaves a parameter that the loss does not reach without a gradient', () => {
  const { x, weights, loss } = stack();
  const idle = input('idle', tensorType('f32', [2]));
  const [gradient, other] = gradientsBySegments(loss, [idle, weights[3]], { segments: 3, batch: [x] });
  expect(gradient).toBeUndefined();
  expect(other?.shape).toEqual([width, width]);
});
