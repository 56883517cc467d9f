/// <reference path="../wgsl.d.ts" />
import { size, type TensorType } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { rowRungs } from '../lanes/ladder.js';
import { f32, lanesFor, u32, vectorises } from '../rows.js';
import source from './group-norm.wgsl';
import { groupNormOp } from './op.js';
import { applyPass, inPieces, normScratch, tablePasses } from './passes.js';

const positions = ({ shape }: TensorType) => shape.slice(2).reduce((n, d) => n * d, 1);

const groupRungs: readonly Kernel<typeof groupNormOp>[] = rowRungs({
  op: groupNormOp,
  name: 'nn.group_norm group',
  source,
  params: ({ x }, { groups, eps }) => ({
    count: u32(x.shape[0] * groups),
    groups: u32(groups),
    channels: u32(x.shape[1] / groups),
    positions: u32(positions(x)),
    eps: f32(eps),
  }),
  overrides: ({ x }, { groups }) => ({
    VECTOR: Number(vectorises(positions(x), x)),
    LANES: lanesFor(size(x) / Math.max(1, x.shape[0] * groups)),
  }),
  widths: ({ x }) => {
    const width = vectorises(positions(x), x) ? 4 : 1;
    return { x: width, y: width };
  },
  workgroups: ({ x }, { groups }) => x.shape[0] * groups,
} satisfies Kernel<typeof groupNormOp>);

const piecesKernel: Kernel<typeof groupNormOp> = {
  op: groupNormOp,
  name: 'nn.group_norm pieces',
  supports: ({ x }, norm) => inPieces(x, norm) || 'a group is one piece',
  scratch: ({ x }, norm) => normScratch(x, norm),
  passes: ({ x }, norm) => [...tablePasses(x, norm, { weight: 'weight', bias: 'bias' }), applyPass(x)],
};

export const groupNormKernels: readonly Kernel<typeof groupNormOp>[] = [piecesKernel, ...groupRungs];
