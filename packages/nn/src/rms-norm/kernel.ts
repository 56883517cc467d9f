/// <reference path="../wgsl.d.ts" />

import { last } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { rowPassRungs, rowRungs } from '../lanes/ladder.js';
import { columnsPass, rowsPass } from '../norm-vjp/passes.js';
import { f32, lanesFor, rowsOf, u32, vectorises } from '../rows.js';
import { rmsNormOp, rmsNormVjpOp } from './op.js';
import source from './rms-norm.wgsl';

export const rmsNormKernels: readonly Kernel<typeof rmsNormOp>[] = rowRungs({
  op: rmsNormOp,
  name: 'nn.rms_norm row',
  source,
  params: ({ x }, { eps }) => ({ rows: u32(rowsOf(x)), columns: u32(last(x)), eps: f32(eps) }),
  overrides: ({ x, weight }) => ({
    VECTOR: Number(vectorises(last(x), x, weight)),
    LANES: lanesFor(last(x)),
  }),
  widths: ({ x, weight }) => {
    const width = vectorises(last(x), x, weight) ? 4 : 1;
    return { x: width, weight: width, y: width };
  },
  workgroups: ({ x }) => rowsOf(x),
} satisfies Kernel<typeof rmsNormOp>);

export const rmsNormVjpKernels: readonly Kernel<typeof rmsNormVjpOp>[] = rowPassRungs(
  (lanes): Kernel<typeof rmsNormVjpOp> => ({
    op: rmsNormVjpOp,
    name: 'nn.rms_norm_vjp',
    passes: (types) => [rowsPass(types, lanes), columnsPass(types, 'dweight', { normal: true })],
  }),
);
