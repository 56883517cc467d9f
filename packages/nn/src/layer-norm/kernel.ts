/// <reference path="../wgsl.d.ts" />

import { last } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { rowPassRungs, rowRungs } from '../lanes/ladder.js';
import { columnsPass, rowsPass } from '../norm-vjp/passes.js';
import { f32, lanesFor, rowsOf, u32, vectorises } from '../rows.js';
import source from './layer-norm.wgsl';
import { layerNormOp, layerNormVjpOp } from './op.js';

export const layerNormKernels: readonly Kernel<typeof layerNormOp>[] = rowRungs({
  op: layerNormOp,
  name: 'nn.layer_norm row',
  source,
  params: ({ x }, { eps }) => ({ rows: u32(rowsOf(x)), columns: u32(last(x)), eps: f32(eps) }),
  overrides: ({ x, weight, bias }) => ({
    VECTOR: Number(vectorises(last(x), x, weight, bias)),
    LANES: lanesFor(last(x)),
  }),
  widths: ({ x, weight, bias }) => {
    const width = vectorises(last(x), x, weight, bias) ? 4 : 1;
    return { x: width, weight: width, bias: width, y: width };
  },
  workgroups: ({ x }) => rowsOf(x),
} satisfies Kernel<typeof layerNormOp>);

export const layerNormVjpKernels: readonly Kernel<typeof layerNormVjpOp>[] = rowPassRungs(
  (lanes): Kernel<typeof layerNormVjpOp> => ({
    op: layerNormVjpOp,
    name: 'nn.layer_norm_vjp',
    passes: (types) => [
      rowsPass(types, lanes),
      columnsPass(types, 'dweight', { normal: true }),
      columnsPass(types, 'dbias', { normal: false }),
    ],
  }),
);
