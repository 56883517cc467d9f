/// <reference path="../wgsl.d.ts" />
import type { Kernel, ParamValue } from '@emu-ts/webgpu/kernel';
import { sampleOp } from './op.js';
import source from './sample.wgsl';

const u32 = (x: number): ParamValue => ['u32', x];
const f32 = (x: number): ParamValue => ['f32', x];

/** One workgroup owns one row. */
export const sampleKernel: Kernel<typeof sampleOp> = {
  op: sampleOp,
  name: 'language_model.sample row',
  source,
  arrays: ['logits'],
  params({ logits, drawn }, { temperature, topK, topP, ends, until }) {
    const [rows, v] = logits.shape;
    return {
      rows: u32(rows),
      v: u32(v),
      n: u32(drawn?.shape[1] ?? 0),
      k: u32(topK),
      cut: f32(1 - topP),
      temperature: f32(temperature),
      until: u32(until),
      ends: u32(ends.length),
      end: ['u32', ends.length ? ends : [0]],
    };
  },
  overrides: ({ logits, drawn }, { topK, topP }) => ({
    DRAWN: Number(drawn !== undefined),
    TOP_K: Number(topK > 0 && topK < logits.shape[1]),
    TOP_P: Number(topP < 1),
  }),
  uniforms: ['step'],
  workgroups: ({ logits }) => logits.shape[0],
};
