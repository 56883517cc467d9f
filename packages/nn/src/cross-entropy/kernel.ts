/// <reference path="../wgsl.d.ts" />
import { last, size } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { rowRungs } from '../lanes/ladder.js';
import { lanesFor, rowsOf, u32 } from '../rows.js';
import source from './cross-entropy.wgsl';
import vjpSource from './cross-entropy-vjp.wgsl';
import { crossEntropyOp, crossEntropyVjpOp } from './op.js';

export const crossEntropyKernels: readonly Kernel<typeof crossEntropyOp>[] = rowRungs({
  op: crossEntropyOp,
  name: 'nn.cross_entropy row',
  source,
  params: ({ logits }) => ({
    rows: u32(rowsOf(logits)),
    columns: u32(last(logits)),
    lowest: ['f32', Number.NEGATIVE_INFINITY] as const,
  }),
  overrides: ({ logits }) => ({ LANES: lanesFor(last(logits)) }),
  workgroups: ({ logits }) => rowsOf(logits),
} satisfies Kernel<typeof crossEntropyOp>);

export const crossEntropyVjpKernel: Kernel<typeof crossEntropyVjpOp> = {
  op: crossEntropyVjpOp,
  name: 'nn.cross_entropy_vjp element',
  source: vjpSource,
  params: ({ logits }) => ({ size: u32(size(logits)), columns: u32(last(logits)) }),
  workgroups: ({ logits }) => Math.ceil(size(logits) / 256),
};
