/// <reference path="../wgsl.d.ts" />
import { size, type TensorType, tensorType } from '@emu-ts/graph';
import type { Kernel, Pass } from '@emu-ts/webgpu/kernel';
import { sumOfSquaresOp } from './op.js';
import source from './sum-of-squares.wgsl';

/** `LANES` of the shader, elements of a lane before another workgroup helps, and workgroups at most. */
const [lanes, each, most] = [256, 16, 256];

const groupsFor = (x: TensorType): number => Math.max(1, Math.min(most, Math.ceil(size(x) / (lanes * each))));

const pass = (from: string, to: string, count: number, groups: number, square: boolean): Pass => ({
  source,
  reads: { x: from },
  writes: { y: to },
  params: { size: ['u32', count], groups: ['u32', groups] },
  overrides: { SQUARE: Number(square) },
  workgroups: groups,
});

/** Large tensors in two passes, so that the whole device reads them. */
export const sumOfSquaresKernel: Kernel<typeof sumOfSquaresOp> = {
  op: sumOfSquaresOp,
  name: 'training.sum_of_squares',
  supports: ({ x }) => x.dtype !== 'f64' || 'f64 has no type on a GPU',
  scratch: ({ x }) => (groupsFor(x) > 1 ? { sums: tensorType('f32', [groupsFor(x)]) } : {}),
  passes({ x }) {
    const groups = groupsFor(x);
    if (groups === 1) return [pass('x', 'y', size(x), 1, true)];
    return [pass('x', 'sums', size(x), groups, true), pass('sums', 'y', groups, 1, false)];
  },
};
