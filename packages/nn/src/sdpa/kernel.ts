/// <reference path="../wgsl.d.ts" />
import type { TensorType } from '@emu-ts/graph';
import type { GpuView, Kernel, Params, SinglePass, TypesOf } from '@emu-ts/webgpu/kernel';
import { f32, u32, vectorises } from '../rows.js';
import { onMatrixUnits, rounding, wayOpen } from '../ways.js';
import biasSource from './bias.wgsl';
import headsSource from './heads.wgsl';
import linesSource from './lines.wgsl';
import onlineSource from './online.wgsl';
import { type AttentionAttrs, sdpaOp } from './op.js';
import rowSource from './sdpa-row.wgsl';
import tilesSource from './sdpa-tiles.wgsl';
import unitsSource from './sdpa-units.wgsl';

/** A softmax over keys as they come, for kernels of attention whose operands lie in a way of their own. */
export const onlineSoftmax: string = onlineSource;

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

const firstReason = (...answers: readonly (true | string | undefined)[]): true | string =>
  answers.find((answer): answer is string => typeof answer === 'string') ?? true;

const powerOfTwo = (n: number) => 2 ** Math.ceil(Math.log2(n));

/** Query rows of a head up to which one workgroup a row is the better use of a GPU. */
const fewQueries = 4;

/** What is added to scores: a text with `biased`, `bias_start(head, query)` and `bias_of(start, key)`, and its numbers. */
interface Bias<T> {
  readonly source: string;
  params(types: T): Params;
}

/** Where heads lie beside one another: heads in a row of a tensor (0: they lie apart), and the first that counts. */
export interface Lines {
  readonly rows: Readonly<Record<'q' | 'k' | 'v' | 'out', number>>;
  readonly first?: Readonly<Record<'q' | 'k' | 'v', number>> | undefined;
}

/** How an op of attention shows its operands to these kernels. */
export interface AttentionView<T, A> {
  /** The op's name. */
  readonly name: string;
  /** As [b h t d], wherever heads lie. */
  types(types: T, attrs: A): AttentionTypes;
  /** Default: heads lie apart. */
  lines?(types: T, attrs: A): Lines;
  /** Default: that of the types, broadcast. */
  readonly bias?: Bias<T> | undefined;
  /** True, or why these kernels cannot read the operands. */
  supports?(types: T, attrs: A): true | string;
}

const apart: Lines = { rows: { q: 0, k: 0, v: 0, out: 0 } };
const atFirst = { q: 0, k: 0, v: 0 };

function params<T, A extends AttentionAttrs>(
  view: AttentionView<T, A>,
  given: T,
  attrs: A,
  groups: number,
): Params {
  const types = view.types(given, attrs);
  const { h, t, s, d, e } = sizes(types);
  const { rows, first = atFirst } = view.lines?.(given, attrs) ?? apart;
  const numbers = {
    ...{ groups, h, t, s, d, e },
    ...{ row_q: rows.q, row_k: rows.k, row_v: rows.v, row_out: rows.out },
    ...{ at_q: first.q, at_k: first.k, at_v: first.v },
  };
  return {
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, u32(value)])),
    scale: f32(attrs.scale),
    ...(view.bias ? view.bias.params(given) : biasStrides(types)),
  };
}

const sourceOf = <T, A>({ bias }: AttentionView<T, A>, source: string): string =>
  [linesSource, headsSource, bias?.source ?? biasSource, source].join('\n');

function rowRung<T, A extends AttentionAttrs>(view: AttentionView<T, A>): SinglePass<T, A> {
  const groups = ({ q: { shape } }: AttentionTypes) => shape[0] * shape[1] * shape[2];
  return {
    name: `${view.name} few queries`,
    source: [onlineSource, sourceOf(view, rowSource)].join('\n'),
    supports: (given, attrs) => {
      const types = view.types(given, attrs);
      const { t, e } = sizes(types);
      if (t > fewQueries) return `${t} queries > ${fewQueries}`;
      if (e > 256) return `value size ${e} > 256`;
      return firstReason(nonEmpty(types), view.supports?.(given, attrs));
    },
    params: (given, attrs) => params(view, given, attrs, groups(view.types(given, attrs))),
    overrides: (given, attrs) => {
      const types = view.types(given, attrs);
      return { ...common(types, attrs), SPAN: powerOfTwo(sizes(types).e4) };
    },
    widths: (given, attrs) => widths(view.types(given, attrs)),
    workgroups: (given, attrs) => groups(view.types(given, attrs)),
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

function tilesRung<T, A extends AttentionAttrs>(view: AttentionView<T, A>): SinglePass<T, A> {
  return {
    name: `${view.name} tiles`,
    source: sourceOf(view, tilesSource),
    supports: (given, attrs, gpu) => {
      const types = view.types(given, attrs);
      const { d, e } = sizes(types);
      if (e > 512) return `value size ${e} > 512`;
      if (keysOf(types, gpu) === 0) return `head size ${d} does not fit workgroup memory`;
      return firstReason(nonEmpty(types), view.supports?.(given, attrs));
    },
    params: (given, attrs) => params(view, given, attrs, tileGroups(view.types(given, attrs))),
    overrides: (given, attrs, gpu) => {
      const types = view.types(given, attrs);
      const { d4, e4 } = sizes(types);
      const keys = keysOf(types, gpu);
      return { ...common(types, attrs), KEYS: keys, TILE: keys * Math.max(d4, e4), SCORES: 8 * keys };
    },
    widths: (given, attrs) => widths(view.types(given, attrs)),
    workgroups: (given, attrs) => tileGroups(view.types(given, attrs)),
  };
}

/** Query rows of a tile on matrix units, and the longest heads that their registers hold. */
const unitRows = 64;
const unitHead = 160;

/** On matrix units, for as many queries as are worth a quarter of a tile: operands and weights are rounded to f16. */
export function attentionUnits<T, A extends AttentionAttrs>(view: AttentionView<T, A>): SinglePass<T, A> {
  const groups = (types: AttentionTypes) => {
    const { b, h, t } = sizes(types);
    return b * h * Math.ceil(t / unitRows);
  };
  return {
    name: `${view.name} matrix units`,
    source: sourceOf(view, unitsSource),
    tiles: 'units',
    supports: (given, attrs, gpu) => {
      const types = view.types(given, attrs);
      const { t, d, e } = sizes(types);
      if (t < unitRows / 4) return `${t} queries < ${unitRows / 4}`;
      if (Math.max(d, e) > unitHead) return `head size ${Math.max(d, e)} > ${unitHead}`;
      return firstReason(wayOpen(onMatrixUnits, gpu), nonEmpty(types), view.supports?.(given, attrs));
    },
    params: (given, attrs) => params(view, given, attrs, groups(view.types(given, attrs))),
    overrides: (given, attrs) => {
      const types = view.types(given, attrs);
      const { d, e } = sizes(types);
      const matrices = { D16: Math.ceil(d / 16), E16: Math.ceil(e / 16) };
      return { ...common(types, attrs), ...matrices, ...rounding(onMatrixUnits, types.q, types.k, types.v) };
    },
    widths: (given, attrs) => widths(view.types(given, attrs)),
    workgroups: (given, attrs) => groups(view.types(given, attrs)),
  };
}

/** Kernels for an op of attention, from its point of view: for few queries, and in tiles for any number. */
export const attentionRungs = <T, A extends AttentionAttrs>(
  view: AttentionView<T, A>,
): readonly SinglePass<T, A>[] => [rowRung(view), tilesRung(view)];

const ownView: AttentionView<TypesOf<typeof sdpaOp>, AttentionAttrs> = {
  name: 'attention.sdpa',
  types: (types) => types,
};

export const sdpaKernels: readonly Kernel<typeof sdpaOp>[] = attentionRungs(ownView).map(
  (rung): Kernel<typeof sdpaOp> => ({ op: sdpaOp, ...rung }),
);
export const sdpaRoundedKernel: Kernel<typeof sdpaOp> = { op: sdpaOp, ...attentionUnits(ownView) };
