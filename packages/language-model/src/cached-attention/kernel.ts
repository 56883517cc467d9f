/// <reference path="../wgsl.d.ts" />
import { size } from '@emu-ts/graph';
import { onlineSoftmax } from '@emu-ts/nn/webgpu';
import type { Kernel, ParamValue } from '@emu-ts/webgpu/kernel';
import appendSource from './append.wgsl';
import attendSource from './attend.wgsl';
import cacheSource from './cache.wgsl';
import { cachedAttentionOp } from './op.js';

const u32 = (x: number): ParamValue => ['u32', x];

/** The text of a kernel that attends to a cache, with what it stands on. */
export const overCache = (source: string): string => [onlineSoftmax, cacheSource, source].join('\n');

/** Two dispatches: the new keys and values go into the cache where it lies, then each query row walks its past. */
export const cachedAttentionKernel: Kernel<typeof cachedAttentionOp> = {
  op: cachedAttentionOp,
  name: 'attention.cached in place',
  startsFrom: { keysOut: 'keys', valuesOut: 'values' },
  supports: ({ q }) => {
    const d = q.shape[3];
    return (d > 0 && d <= 256) || `head size ${d} > 256`;
  },
  passes: ({ q, keys, values, rows }, { scale }) => {
    const [b, h, t, d] = q.shape;
    const c = keys.shape[2];
    const d4 = Math.ceil(d / 4);
    const vector = d % 4 === 0 && [q, keys, values].every(({ dtype }) => dtype === 'f32' || dtype === 'f16');
    const width = vector ? 4 : 1;
    return [
      {
        label: 'append',
        source: appendSource,
        reads: { k: 'k', v: 'v', length: 'length' },
        writes: { keys: 'keysOut', values: 'valuesOut' },
        params: { size: u32(size(q)), c: u32(c), t: u32(t), d: u32(d) },
        workgroups: Math.ceil(size(q) / 256),
      },
      {
        label: 'attend',
        source: overCache(attendSource),
        reads: {
          q: 'q',
          keys: 'keysOut',
          values: 'valuesOut',
          length: 'length',
          padding: 'padding',
          rows: rows ? 'rows' : null,
        },
        writes: { out: 'out' },
        params: {
          lines: u32(b * h * t),
          b: u32(b),
          h: u32(h),
          t: u32(t),
          c: u32(c),
          d: u32(d),
          scale: ['f32', scale],
        },
        overrides: { D4: d4, SPAN: 2 ** Math.ceil(Math.log2(d4)), VECTOR: Number(vector) },
        widths: { q: width, keys: width, values: width },
        workgroups: b * h * t,
      },
    ];
  },
};
