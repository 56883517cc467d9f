/// <reference path="../wgsl.d.ts" />
import { size } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { u32 } from '../rows.js';
import source from './embedding.wgsl';
import { embeddingOp } from './op.js';

export const embeddingKernel: Kernel<typeof embeddingOp> = {
  op: embeddingOp,
  name: 'nn.embedding',
  source,
  params: ({ weight, y }) => ({
    size: u32(size(y)),
    rows: u32(weight.shape[0]),
    width: u32(weight.shape[1]),
  }),
  workgroups: ({ y }) => Math.ceil(size(y) / 256),
};
