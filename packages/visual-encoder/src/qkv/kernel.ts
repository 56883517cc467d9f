/// <reference path="../wgsl.d.ts" />
import { primitives } from '@emu-ts/graph';
import { linearOp } from '@emu-ts/nn';
import { type Epilogue, floatProduct, floatRungs, onMatrixUnits, tiledRungs } from '@emu-ts/nn/webgpu';
import type { Kernel, Pattern } from '@emu-ts/webgpu/kernel';
import finish from './finish-qkv.wgsl';
import { qkvOp } from './op.js';

type None = Record<string, never>;

const epilogue: Epilogue<None> = { suffix: '', source: finish, reads: ['qBias', 'vBias'] };

const zeros: Pattern = {
  op: primitives.full,
  inputs: {},
  shared: true,
  when: ({ value }) => value === 0,
};
const bias: Pattern = {
  op: primitives.concat,
  inputs: { x0: 'qBias', x1: zeros, x2: 'vBias' },
  when: ({ axis }) => axis === 0,
};

const name = 'visual_encoder.qkv';
const fuses = [
  { root: { op: linearOp, inputs: { x: 'x', weight: 'weight', bias } }, attrs: (): None => ({}) },
];

/** Every rung of a linear layer, with biases read from where the checkpoint has them. */
export const qkvKernels: readonly Kernel<typeof qkvOp>[] = floatRungs(epilogue, name).map(
  (rung): Kernel<typeof qkvOp> => ({ ...rung, op: qkvOp, fuses }),
);

export const qkvRoundedKernels: readonly Kernel<typeof qkvOp>[] = tiledRungs(
  { ...floatProduct, name },
  epilogue,
  onMatrixUnits,
).map((rung): Kernel<typeof qkvOp> => ({ ...rung, op: qkvOp, fuses }));
