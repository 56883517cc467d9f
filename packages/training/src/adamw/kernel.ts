/// <reference path="../wgsl.d.ts" />
import { size } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import source from './adamw.wgsl';
import { adamwOp } from './op.js';

/** `LANES` of the shader. */
const lanes = 256;

export const adamwKernel: Kernel<typeof adamwOp> = {
  op: adamwOp,
  name: 'training.adamw in place',
  source,
  startsFrom: { param: 'param', m: 'm', v: 'v' },
  uniforms: ['rate', 'step', 'scale', 'apply'],
  params: ({ param }, { beta1, beta2, eps, weightDecay }) => ({
    size: ['u32', size(param)],
    beta1: ['f32', beta1],
    rest1: ['f32', 1 - beta1],
    log_beta1: ['f32', Math.log(beta1)],
    beta2: ['f32', beta2],
    rest2: ['f32', 1 - beta2],
    log_beta2: ['f32', Math.log(beta2)],
    eps: ['f32', eps],
    weight_decay: ['f32', weightDecay],
  }),
  workgroups: ({ param }) => Math.ceil(size(param) / lanes),
};
