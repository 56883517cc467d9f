/// <reference path="../wgsl.d.ts" />
import type { TensorType } from '@emu-ts/graph';
import type { GpuView, Kernel } from '@emu-ts/webgpu/kernel';
import { f32, u32, vectorises } from '../rows.js';
import { type AttentionAttrs, sdpaOp } from './op.js';
import rowSource from './sdpa-row.wgsl';
import tilesSource from './sdpa-tiles.wgsl';

/** Operands that attention and its backward op share. */
export type AttentionTypes = {
  readonly q: TensorType;
  readonly k: TensorType;
  readonly v: TensorType;
  readonly bias?: TensorType | undefined;
};

export const sizes = ({ q, k, v }: AttentionTypes) => {
  const [b, h, t, d] = q.shape;
  const [s, e] = [k.shape[2], v.shape[3]];
  return { b, h, t, s, d, e, d4: Math.ceil(d / 4), e4: Math.ceil(e / 4) };
};

const vector = (types: AttentionTypes) => {
  const { d, e } = sizes(types);
  return d % 4 === 0 && vectorises(e, types.q, types.k, types.v);
};

/** Strides of the bias along [b h t s]: zero where it is broadcast or absent. */
export function biasStrides({ bias }: AttentionTypes) {
  const shape = [1, 1, 1, 1, ...(bias?.shape ?? [])].slice(-4);
  let step = 1;
  const [s, t, h, b] = shape.reverse().map((d) => {
    const own = d === 1 ? 0 : step;
    step *= d;
    return own;
  });
  return { bias_b: u32(b), bias_h: u32(h), bias_t: u32(t), bias_s: u32(s) };
}

const params = (types: AttentionTypes, { scale }: AttentionAttrs, groups: number) => {
  const { h, t, s, d, e } = sizes(types);
  const numbers = { groups: u32(groups), h: u32(h), t: u32(t), s: u32(s), d: u32(d), e: u32(e) };
  return { ...numbers, scale: f32(scale), ...biasStrides(types) };
};

const widths = (types: AttentionTypes) => {
  const width = vector(types) ? (4 as const) : (1 as const);
  return { q: width, k: width, v: width };
};

const common = (types: AttentionTypes, { causal }: AttentionAttrs) => {
  const { d4, e4 } = sizes(types);
  return { D4: d4, E4: e4, CAUSAL: Number(causal), VECTOR: Number(vector(types)) };
};

const nonEmpty = (types: AttentionTypes): true | string => {
  const { s, d, e } = sizes(types);
  return Math.min(s, d, e) > 0 || 'there is nothing to attend to';
};

const powerOfTwo = (n: number) => 2 ** Math.ceil(Math.log2(n));

/** Query rows of a head up to which one workgroup a row is the better use of a GPU. */
const fewQueries = 4;

export const sdpaRowKernel: Kernel<typeof sdpaOp> = {
  op: sdpaOp,
  name: 'attention.sdpa few queries',
  source: rowSource,
  supports: (types) => {
    const { t, e } = sizes(types);
    if (t > fewQueries) return `${t} queries > ${fewQueries}`;
    return e <= 256 ? nonEmpty(types) : `value size ${e} > 256`;
  },
  params: (types, attrs) => {
    const { b, h, t } = sizes(types);
    return params(types, attrs, b * h * t);
  },
  overrides: (types, attrs) => ({ ...common(types, attrs), SPAN: powerOfTwo(sizes(types).e4) }),
  widths,
  workgroups: (types) => {
    const { b, h, t } = sizes(types);
    return b * h * t;
  },
};

/** Keys of a tile, so that it fits workgroup memory beside its scores: a power of two up to 32, or none. */
function keysOf(types: AttentionTypes, { limits }: GpuView): number {
  const { d4, e4 } = sizes(types);
  const available = limits.maxComputeWorkgroupStorageSize - 64 * 4;
  const fitting = Math.floor(available / (16 * Math.max(d4, e4) + 8 * 4));
  return fitting < 1 ? 0 : Math.min(32, 2 ** Math.floor(Math.log2(fitting)));
}

const tileGroups = (types: AttentionTypes) => {
  const { b, h, t } = sizes(types);
  return b * h * Math.ceil(t / 8);
};

export const sdpaTilesKernel: Kernel<typeof sdpaOp> = {
  op: sdpaOp,
  name: 'attention.sdpa tiles',
  source: tilesSource,
  supports: (types, _, gpu) => {
    const { d, e } = sizes(types);
    if (e > 512) return `value size ${e} > 512`;
    return keysOf(types, gpu) > 0 ? nonEmpty(types) : `head size ${d} does not fit workgroup memory`;
  },
  params: (types, attrs) => params(types, attrs, tileGroups(types)),
  overrides: (types, attrs, gpu) => {
    const { d4, e4 } = sizes(types);
    const keys = keysOf(types, gpu);
    return { ...common(types, attrs), KEYS: keys, TILE: keys * Math.max(d4, e4), SCORES: 8 * keys };
  },
  widths,
  workgroups: tileGroups,
};
