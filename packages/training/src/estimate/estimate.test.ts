import { causalTransformer14B, t5CausalTransformer } from '@emu-ts/causal-transformer';
import { interpreter, tensorType } from '@emu-ts/graph';
import { emu14bLlama, llamaModel } from '@emu-ts/language-model';
import { linearHead, linearHead14B } from '@emu-ts/regression-head';
import { evaClip, evaClipG14 } from '@emu-ts/visual-encoder';
import { expect, it } from 'vitest';
import { toyBatch, toyStep, toyWeights } from '../../test/toy.js';
import { composeModel } from '../objective/compose.js';
import { interleavedObjective } from '../objective/interleaved.js';
import { emuPretraining } from '../optimizer/presets.js';
import { trainingStep } from '../step/step.js';
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

it('estimates Emu-14B without a weight in memory, and what recomputation saves', () => {
  const model = composeModel({
    visualEncoder: evaClip(evaClipG14),
    causalTransformer: t5CausalTransformer(causalTransformer14B),
    languageModel: llamaModel(emu14bLlama),
    regressionHead: linearHead(linearHead14B),
  });
  const i32 = (...shape: number[]) => tensorType('i32', shape);
  const types = {
    ids: i32(8, 512),
    slots: i32(8, 512),
    images: tensorType('f32', [8, 3, 224, 224]),
    text_inputs: i32(3200),
    text_labels: i32(3200),
    regression_inputs: i32(8, 33),
    regression_labels: i32(8, 33),
    image_index: i32(8),
  };
  const estimate = (segments: number) =>
    estimateStep(
      trainingStep({
        params: model.params,
        objective: interleavedObjective(model),
        optimizer: emuPretraining,
        segments,
      }),
      types,
    );
  const [plain, frugal] = [estimate(1), estimate(32)];
  // All of the pretrained model but the unused table of T5, and the norm and head of CLIP.
  const weights = 14_208_419_072 - 24_674_304 - (2 * 1408 + 1024 * 1408 + 1024);
  expect(plain.parameters).toBe(weights);
  expect(plain.optimizerBytes).toBe(8 * weights);
  // Clipping by the global norm needs all gradients at once; what is left are activations.
  const gradients = 4 * weights;
  expect(frugal.activationBytes - gradients).toBeLessThan(0.1 * (plain.activationBytes - gradients));
  expect(frugal.flops / plain.flops).toBeGreaterThan(1.2);
  expect(frugal.flops / plain.flops).toBeLessThan(4 / 3);
});
