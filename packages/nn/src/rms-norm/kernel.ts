/// <reference path="../wgsl.d.ts" />

import { last } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { rowRungs } from '../lanes/ladder.js';
import { f32, lanesFor, rowsOf, u32, vectorises } from '../rows.js';
import { rmsNormOp } from './op.js';
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
