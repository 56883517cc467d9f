import { interpreter, tensorType } from '@emu-ts/graph';
import { expect, it } from 'vitest';
import { toyBatch, toyStep, toyWeights } from '../../test/toy.js';
import { dryRun, estimateStep } from './estimate.js';

const batch = { x: tensorType('f32', [4, 3]), y: tensorType('f32', [4, 2]) };

it('counts weights, state and products from the graph alone', () => {
  const [weights, rows] = [3 * 8 + 8 + 8 * 2 + 2, 4];
  const estimate = estimateStep(toyStep({ ema: 0.9 }), batch);
  expect(estimate).toMatchObject({
    parameters: weights,
    trained: weights,
    weightBytes: 4 * weights,
    optimizerBytes: 3 * 4 * weights,
  });
  // Forward, the gradient of both weights, and that of the hidden layer.
  expect(estimate.flops).toBe(2 * rows * (2 * (3 * 8 + 8 * 2) + 8 * 2));
  expect(estimate.activationBytes).toBeGreaterThan(0);
});

it('counts only what is trained', () => {
  const frozen = estimateStep(
    toyStep({
      optimizer: {
        betas: [0.9, 0.9],
        eps: 1e-8,
        weightDecay: 0,
        groups: [{ name: 'all', match: ['**'], rate: 1 }],
        frozen: ['b.**'],
        rows: { 'a.weight': 6 },
      },
    }),
    batch,
  );
  expect(frozen.trained).toBe(2 * 3 + 8);
  expect(frozen.optimizerBytes).toBe(2 * 4 * frozen.trained);
});

it('measures a few updates without writing anything', async () => {
  const measured = await dryRun({
    executor: interpreter(),
    step: toyStep({ accumulate: 2 }),
    weights: toyWeights(),
    batch: toyBatch(0),
    updates: 2,
  });
  expect(measured.secondsPerUpdate).toBeGreaterThan(0);
  expect(measured.secondsToFirst).toBeGreaterThan(0);
  expect(measured.flopsPerSecond).toBeCloseTo((2 * measured.flops) / measured.secondsPerUpdate, 0);
});
