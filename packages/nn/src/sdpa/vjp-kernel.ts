/// <reference path="../wgsl.d.ts" />
import { type TensorType, tensorType } from '@emu-ts/graph';
import type { GpuView, Kernel, Pass } from '@emu-ts/webgpu/kernel';
import { f32, u32, vectorises } from '../rows.js';
import { type AttentionTypes, biasStrides, sizes } from './kernel.js';
import { type AttentionAttrs, sdpaVjpOp } from './op.js';
import deltaSource from './sdpa-delta.wgsl';
import source from './sdpa-vjp.wgsl';

type BackwardTypes = AttentionTypes & { readonly dout: TensorType };

/** Elements of a tile, so that it fits workgroup memory beside the weights: a power of two up to 32, or none. */
function spanOf(types: AttentionTypes, { limits }: GpuView): number {
  const { d4, e4 } = sizes(types);
  const fitting = Math.floor(limits.maxComputeWorkgroupStorageSize / (16 * (d4 + e4) + 2 * 8 * 4));
  return fitting < 1 ? 0 : Math.min(32, 2 ** Math.floor(Math.log2(fitting)));
}

function half(types: BackwardTypes, { scale, causal }: AttentionAttrs, gpu: GpuView, ownKeys: boolean): Pass {
  const { b, h, t, s, d, e, d4, e4 } = sizes(types);
  const [rows, others] = ownKeys ? [s, t] : [t, s];
  const span = spanOf(types, gpu);
  const vector = d % 4 === 0 && vectorises(e, types.q, types.k, types.v, types.dout);
  const width = vector ? (4 as const) : (1 as const);
  const groups = b * h * Math.ceil(rows / 8);
  const [mine, theirs] = [
    ['q', 'dout'],
    ['k', 'v'],
  ];
  const [[a, bb], [c, dd]] = ownKeys ? [theirs, mine] : [mine, theirs];
  return {
    label: ownKeys ? 'keys' : 'queries',
    source,
    reads: { a, b: bb, c, d: dd, bias: types.bias ? 'bias' : null, statistics: 'statistics' },
    writes: ownKeys ? { da: 'dk', db: 'dv', dscores: null } : { da: 'dq', db: null, dscores: 'dscores' },
    params: {
      groups: u32(groups),
      rows: u32(rows),
      others: u32(others),
      h: u32(h),
      a: u32(d),
      b: u32(e),
      scale: f32(scale),
      ...biasStrides(types),
    },
    overrides: {
      A4: d4,
      B4: e4,
      SPAN: span,
      TILE_C: span * d4,
      TILE_D: span * e4,
      PAIRS: 8 * span,
      CAUSAL: Number(causal),
      OWN_KEYS: Number(ownKeys),
      VECTOR: Number(vector),
    },
    workgroups: groups,
    widths: { a: width, b: width, c: width, d: width },
  };
}

export const sdpaVjpKernel: Kernel<typeof sdpaVjpOp> = {
  op: sdpaVjpOp,
  name: 'attention.sdpa_vjp tiles',
  supports: (types, _, gpu) => {
    const { t, s, d, e } = sizes(types);
    if (Math.min(t, s, d, e) < 1) return 'there is nothing to attend to';
    if (Math.max(d, e) > 256) return `head size ${Math.max(d, e)} > 256`;
    return spanOf(types, gpu) > 0 || `head size ${Math.max(d, e)} does not fit workgroup memory`;
  },
  scratch: ({ logsumexp: { shape } }) => ({ statistics: tensorType('f32', [...shape, 2]) }),
  passes: (types, attrs, gpu) => {
    const { b, h, t, e } = sizes(types);
    const statistics: Pass = {
      label: 'statistics',
      source: deltaSource,
      reads: {
        dout: 'dout',
        out: 'out',
        logsumexp: 'logsumexp',
        dlogsumexp: types.dlogsumexp ? 'dlogsumexp' : null,
      },
      writes: { statistics: 'statistics' },
      params: { rows: u32(b * h * t), e: u32(e) },
      workgroups: Math.ceil((b * h * t) / 64),
    };
    return [statistics, half(types, attrs, gpu, false), half(types, attrs, gpu, true)];
  },
};
