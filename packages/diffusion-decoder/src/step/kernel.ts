/// <reference path="../wgsl.d.ts" />
import { size } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { samplerStepOp } from './op.js';
import source from './step.wgsl';

/** `most` of the shader. */
const most = 16;

export const samplerStepKernel: Kernel<typeof samplerStepOp> = {
  op: samplerStepOp,
  name: 'diffusion_decoder.step in place',
  source,
  startsFrom: { stateOut: 'state' },
  uniforms: ['mixing', 'guidance'],
  supports: ({ state: { shape } }) => shape[0] <= most || `a state of ${shape[0]} tensors > ${most}`,
  params: ({ state }) => ({ size: ['u32', size(state) / state.shape[0]] }),
  overrides: ({ state }) => ({ SLOTS: state.shape[0] }),
  workgroups: ({ state }) => Math.ceil(size(state) / state.shape[0] / 64),
};
