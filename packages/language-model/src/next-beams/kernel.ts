/// <reference path="../wgsl.d.ts" />
import type { Kernel, ParamValue } from '@emu-ts/webgpu/kernel';
import source from './next-beams.wgsl';
import { nextBeamsOp } from './op.js';

const u32 = (x: number): ParamValue => ['u32', x];

/** One workgroup owns one beam. */
export const nextBeamsKernel: Kernel<typeof nextBeamsOp> = {
  op: nextBeamsOp,
  name: 'language_model.next_beams',
  source,
  params: ({ score, rows }, { beams, v, ends, floor }) => ({
    rows: u32(rows.shape[0]),
    beams: u32(beams),
    c: u32(score.shape[1]),
    n: u32(rows.shape[1]),
    v: u32(v),
    floor: ['f32', floor],
    ends: u32(ends.length),
    end: ['u32', ends.length ? ends : [0]],
  }),
  uniforms: ['length'],
  workgroups: ({ rows }) => rows.shape[0],
};
