import { tensor } from '@emu-ts/base';
import { graphOf, input, interpret, tensorType } from '@emu-ts/graph';
import { describeOp, expectGradients, randomTensors } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { crossEntropy, meanSquaredError } from '../losses.js';
import { cases, vjpCases } from './cases.js';
import { crossEntropyOp, crossEntropyVjpOp } from './op.js';

describeOp(crossEntropyOp, cases);
describeOp(crossEntropyVjpOp, vjpCases);

it('nn.cross_entropy passes on what logsumexp is used for', () => {
  const given = {
    ...randomTensors({ logits: tensorType('f32', [2, 4]) }),
    labels: tensor('i32', [2], [3, 0]),
  };
  expectGradients('nn.cross_entropy residuals', (v) => crossEntropyOp(v as never, {}), given, ['logits']);
});

describe('crossEntropy', () => {
  const logits = tensor('f64', [1, 3, 2], [0, Math.log(3), 5, 5, -1000, 1000]);
  const labels = tensor('i32', [1, 3], [1, 0, -100]);
  const loss = (counted: number[]) => {
    const mask = tensor('bool', [1, 3], counted);
    const value = crossEntropy(
      input('logits', tensorType('f32', [1, 3, 2])),
      input('labels', labels),
      input('mask', mask),
    );
    return interpret(graphOf({ value }), { logits, labels, mask }).value.data[0];
  };

  it('is the mean over counted positions', () => {
    expect(loss([1, 0, 0])).toBeCloseTo(Math.log(4 / 3), 14);
    expect(loss([1, 1, 0])).toBeCloseTo((Math.log(4 / 3) + Math.log(2)) / 2, 14);
  });

  it('is 0 where nothing counts', () => {
    expect(loss([0, 0, 0])).toBe(0);
  });
});

it('meanSquaredError is the mean over all elements', () => {
  const [a, b] = [tensor('f64', [2, 2], [1, 2, 3, 4]), tensor('f64', [2, 2], [1, 0, 3, 7])];
  const type = tensorType('f32', [2, 2]);
  const value = meanSquaredError(input('a', type), input('b', type));
  expect(interpret(graphOf({ value }), { a, b }).value.data[0]).toBe(13 / 4);
});
