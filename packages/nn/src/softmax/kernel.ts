/// <reference path="../wgsl.d.ts" />
import { last, type TensorType } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { rowRungs } from '../lanes/ladder.js';
import { logSoftmaxOp } from '../log-softmax/op.js';
import { lanesFor, rowsOf, u32 } from '../rows.js';
import { softmaxOp, softmaxVjpOp } from './op.js';
import source from './softmax.wgsl';
import vjpSource from './softmax-vjp.wgsl';

const row = (log: boolean) => ({
  source,
  params: ({ x }: { x: TensorType }) => ({
    rows: u32(rowsOf(x)),
    columns: u32(last(x)),
    lowest: ['f32', Number.NEGATIVE_INFINITY] as const,
  }),
  overrides: ({ x }: { x: TensorType }) => ({ LOG: Number(log), LANES: lanesFor(last(x)) }),
  workgroups: ({ x }: { x: TensorType }) => rowsOf(x),
});

export const softmaxKernels: readonly Kernel<typeof softmaxOp>[] = rowRungs({
  op: softmaxOp,
  name: 'nn.softmax row',
  ...row(false),
} satisfies Kernel<typeof softmaxOp>);

export const logSoftmaxKernels: readonly Kernel<typeof logSoftmaxOp>[] = rowRungs({
  op: logSoftmaxOp,
  name: 'nn.log_softmax row',
  ...row(true),
} satisfies Kernel<typeof logSoftmaxOp>);

export const softmaxVjpKernels: readonly Kernel<typeof softmaxVjpOp>[] = rowRungs({
  op: softmaxVjpOp,
  name: 'nn.softmax_vjp row',
  source: vjpSource,
  params: ({ y }) => ({ rows: u32(rowsOf(y)), columns: u32(last(y)) }),
  overrides: ({ y }) => ({ LANES: lanesFor(last(y)) }),
  workgroups: ({ y }) => rowsOf(y),
} satisfies Kernel<typeof softmaxVjpOp>);
