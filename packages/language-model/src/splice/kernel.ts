/// <reference path="../wgsl.d.ts" />
import { size } from '@emu-ts/graph';
import type { Kernel, ParamValue } from '@emu-ts/webgpu/kernel';
import { spliceOp } from './op.js';
import source from './splice.wgsl';

const u32 = (x: number): ParamValue => ['u32', x];

/** One invocation owns one element. */
export const spliceKernel: Kernel<typeof spliceOp> = {
  op: spliceOp,
  name: 'language_model.splice',
  source,
  params: ({ embeddings, y }) => ({
    size: u32(size(y)),
    rows: u32(embeddings.shape[0]),
    width: u32(y.shape[1]),
  }),
  workgroups: ({ y }) => Math.ceil(size(y) / 256),
};
