import { type HostTensor, random, tensor } from '@emu-ts/base';
import { mul } from '@emu-ts/graph';
import { linear, linearParams, meanSquaredError, silu } from '@emu-ts/nn';
import { initialize, type ParamTree, tensorSource } from '@emu-ts/params';
import { indexedData } from '../src/data/indexed.js';
import type { OptimizerOptions } from '../src/optimizer/groups.js';
import { trainingStep } from '../src/step/step.js';
import type { Objective, StepOptions } from '../src/step/types.js';

/** A network of two layers that learns a fixed linear map: what the tests of the loop train. */
const tree = { a: linearParams(3, 8), b: linearParams(8, 2) };
export type ToyTree = typeof tree;

const objective: Objective<ToyTree> = (p, batch) => {
  const error = meanSquaredError(linear(p.b, silu(linear(p.a, batch.x))), batch.y);
  return {
    loss: batch['weight.error'] ? mul(error, batch['weight.error']) : error,
    metrics: { error },
  };
};

export const toyOptimizer: OptimizerOptions = {
  betas: [0.9, 0.99],
  eps: 1e-8,
  weightDecay: 0.1,
  groups: [
    { name: 'first', match: ['a.**'], rate: 1e-2 },
    { name: 'rest', match: ['**'], rate: 2e-2 },
  ],
  clipNorm: 1,
};

/** The toy's weights and objective, for a stage of a recipe. */
export const toyParts = {
  params: tree as ParamTree,
  objective: objective as unknown as Objective<ParamTree>,
};

export const toyStep = (options: Partial<StepOptions<ToyTree>> = {}) =>
  trainingStep({ params: tree, objective, optimizer: toyOptimizer, ...options });

export const toyWeights = () => tensorSource(initialize(tree, { seed: 3 }));

/** Batch `index`: 4 rows, or 6 in every third batch, so that more than one program is needed. */
export function toyBatch(index: number): Record<string, HostTensor> {
  const rows = index % 3 === 2 ? 6 : 4;
  const x = random(11, 1).normal(rows * 3, index * 18);
  const y = Float32Array.from({ length: rows * 2 }, (_, i) => {
    const at = Math.floor(i / 2) * 3;
    return i % 2 ? x[at] - x[at + 1] : 0.5 * x[at + 2];
  });
  return { x: tensor('f32', [rows, 3], x.slice()), y: tensor('f32', [rows, 2], y) };
}

export const toyData = (count?: number) => indexedData({ batch: toyBatch, count });
