/// <reference path="../wgsl.d.ts" />
import { last, type TensorType } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { logSoftmaxOp } from '../log-softmax/op.js';
import { lanesFor, rowsOf, u32 } from '../rows.js';
import { softmaxOp } from './op.js';
import source from './softmax.wgsl';

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

export const softmaxKernel: Kernel<typeof softmaxOp> = {
  op: softmaxOp,
  name: 'nn.softmax row',
  ...row(false),
};

export const logSoftmaxKernel: Kernel<typeof logSoftmaxOp> = {
  op: logSoftmaxOp,
  name: 'nn.log_softmax row',
  ...row(true),
};
