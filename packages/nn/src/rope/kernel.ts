/// <reference path="../wgsl.d.ts" />
import { size } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { u32 } from '../rows.js';
import { ropeOp } from './op.js';
import source from './rope.wgsl';

export const ropeKernel: Kernel<typeof ropeOp> = {
  op: ropeOp,
  name: 'nn.rope pair',
  source,
  params: ({ x, cos }) => ({
    pairs: u32(size(x) / 2),
    half: u32(x.shape[3] / 2),
    heads: u32(x.shape[1]),
    t: u32(x.shape[2]),
    rows: u32(cos.shape[0]),
  }),
  workgroups: ({ x }) => Math.ceil(size(x) / 2 / 256),
};
