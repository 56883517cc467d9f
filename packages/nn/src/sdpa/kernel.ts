/// <reference path="../wgsl.d.ts" />
import type { TensorType } from '@emu-ts/graph';
import type { GpuView, Kernel, Overrides, SinglePass, TypesOf } from '@emu-ts/webgpu/kernel';
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

/** How an op of attention shows its operands to these kernels: as [b h t d], and which of them lie as [b t h d]. */
interface View<T, A> {
  readonly suffix: string;
  types(types: T, attrs: A): AttentionTypes;
  overrides?(attrs: A): Overrides;
}

function rowRung<T, A extends AttentionAttrs>({
  suffix,
  types: view,
  overrides,
}: View<T, A>): SinglePass<T, A> {
  const groups = ({ q: { shape } }: AttentionTypes) => shape[0] * shape[1] * shape[2];
  return {
    name: `attention.${suffix} few queries`,
    source: rowSource,
    supports: (types, attrs) => {
      const { t, e } = sizes(view(types, attrs));
      if (t > fewQueries) return `${t} queries > ${fewQueries}`;
      return e <= 256 ? nonEmpty(view(types, attrs)) : `value size ${e} > 256`;
    },
    params: (types, attrs) => params(view(types, attrs), attrs, groups(view(types, attrs))),
    overrides: (types, attrs) => ({
      ...common(view(types, attrs), attrs),
      SPAN: powerOfTwo(sizes(view(types, attrs)).e4),
      ...overrides?.(attrs),
    }),
    widths: (types, attrs) => widths(view(types, attrs)),
    workgroups: (types, attrs) => groups(view(types, attrs)),
  };
}

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

function tilesRung<T, A extends AttentionAttrs>({
  suffix,
  types: view,
  overrides,
}: View<T, A>): SinglePass<T, A> {
  return {
    name: `attention.${suffix} tiles`,
    source: tilesSource,
    supports: (types, attrs, gpu) => {
      const { d, e } = sizes(view(types, attrs));
      if (e > 512) return `value size ${e} > 512`;
      const fits = keysOf(view(types, attrs), gpu) > 0;
      return fits ? nonEmpty(view(types, attrs)) : `head size ${d} does not fit workgroup memory`;
    },
    params: (types, attrs) => params(view(types, attrs), attrs, tileGroups(view(types, attrs))),
    overrides: (types, attrs, gpu) => {
      const { d4, e4 } = sizes(view(types, attrs));
      const keys = keysOf(view(types, attrs), gpu);
      const tile = { KEYS: keys, TILE: keys * Math.max(d4, e4), SCORES: 8 * keys };
      return { ...common(view(types, attrs), attrs), ...tile, ...overrides?.(attrs) };
    },
    widths: (types, attrs) => widths(view(types, attrs)),
    workgroups: (types, attrs) => tileGroups(view(types, attrs)),
  };
}

export const attentionRungs = <T, A extends AttentionAttrs>(
  view: View<T, A>,
): readonly SinglePass<T, A>[] => [rowRung(view), tilesRung(view)];

export const sdpaKernels: readonly Kernel<typeof sdpaOp>[] = attentionRungs<
  TypesOf<typeof sdpaOp>,
  AttentionAttrs
>({
  suffix: 'sdpa',
  types: (types) => types,
}).map((rung): Kernel<typeof sdpaOp> => ({ op: sdpaOp, ...rung }));
