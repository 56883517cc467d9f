/// <reference path="../wgsl.d.ts" />
import { type ConvGeometry, size, type TensorType, tensorType } from '@emu-ts/graph';
import type { Overrides, Params, Pass } from '@emu-ts/webgpu/kernel';
import { u32, vectorises } from '../rows.js';
import operands from './conv2d-operands.wgsl';
import sumSource from './conv2d-sum.wgsl';
import finish from './finish.wgsl';
import finishLater from './finish-later.wgsl';

/** A convolution with what is done while its input is read and before its output is written. */
export interface Convolution extends ConvGeometry {
  readonly x: TensorType;
  readonly weight: TensorType;
  readonly added?: TensorType | undefined;
  readonly y: TensorType;
  /** A tensor `table` [n c 3] says how to normalise. */
  readonly normalised?: boolean | undefined;
  readonly silu?: boolean | undefined;
  /** Channels that the operand `x` holds; the others are in the operand `more`. Default all. */
  readonly own?: number | undefined;
  /** `x` and `y` are types of maps; these lie as [n positions c], `x` for 1 × 1 convolutions alone. */
  readonly tokensIn?: boolean | undefined;
  readonly tokensOut?: boolean | undefined;
  /** What the convolution sees of an enlarged x. */
  readonly enlarged?:
    | { readonly factor: number; readonly height: number; readonly width: number }
    | undefined;
}

/** Workgroups that keep a large GPU busy, and the shortest piece of the inner dimension that is worth one. */
const manyWorkgroups = 256;
const shortestSpan = 512;

function sizes({ x, weight, y }: Convolution) {
  const [n, o, oh, ow] = y.shape;
  const inner = size(weight) / Math.max(1, o);
  const tiles = n * Math.ceil(o / 64) * Math.ceil((oh * ow) / 64);
  const wanted = Math.min(
    Math.floor(manyWorkgroups / Math.max(1, tiles)),
    Math.floor(inner / shortestSpan),
    8,
  );
  const span = wanted > 1 ? Math.ceil(inner / wanted / 16) * 16 : inner;
  const splits = span ? Math.ceil(inner / span) : 1;
  return { n, c: x.shape[1], o, positions: oh * ow, inner, tiles, span, splits };
}

/** Partial sums of a convolution that is split. */
export function convScratch(conv: Convolution): Record<string, TensorType> {
  const { splits } = sizes(conv);
  return splits > 1 ? { partial: tensorType('f32', [splits, ...conv.y.shape]) } : {};
}

export function convPasses(conv: Convolution): Pass[] {
  const { splits } = sizes(conv);
  return splits > 1 ? [tiles(conv, true), sum(conv)] : [tiles(conv, false)];
}

function tiles(conv: Convolution, split: boolean): Pass {
  const { x, weight, y, strides, padding, enlarged, normalised, silu, tokensIn, own } = conv;
  const { n, c, o, positions, inner, tiles: whole, span, splits } = sizes(conv);
  const [sh, sw] = strides;
  const [top, left] = padding;
  const [, , h, w] = x.shape;
  const [, , kh, kw] = weight.shape;
  const others = own !== undefined && own < c;
  const { factor, height, width } = enlarged ?? { factor: 1, height: h, width: w };
  const numbers = {
    batch: n,
    c,
    own: own ?? c,
    h,
    w,
    m: o,
    kh,
    kw,
    ow: y.shape[3],
    sh,
    sw,
    top,
    left,
    factor,
    height,
    width,
    n: positions,
    k: inner,
    span,
  };
  const vector = vectorises(inner, weight);
  const point =
    !enlarged &&
    !tokensIn &&
    [kh, kw, sh, sw].every((d) => d === 1) &&
    padding.every((p) => p === 0) &&
    vectorises(positions, x);
  const ends = finishing(conv);
  return {
    label: split ? 'tiles' : 'convolution',
    source: `${split ? finishLater : finish}\n${operands}`,
    tiles: { a: 'along', b: 'across' },
    reads: {
      x: 'x',
      more: others ? 'more' : null,
      weight: 'weight',
      table: normalised ? 'table' : null,
      ...(split ? {} : ends.reads),
    },
    writes: { y: split ? 'partial' : 'y' },
    params: {
      ...Object.fromEntries(
        Object.entries({ ...numbers, tiles: whole * splits }).map(([k, v]) => [k, u32(v)]),
      ),
      ...(split ? {} : ends.params),
    },
    overrides: {
      VECTOR: Number(vector),
      POINT: Number(point),
      TOKENS_IN: Number(tokensIn ?? false),
      SILU: Number(silu ?? false),
      ...(split ? {} : ends.overrides),
    },
    workgroups: whole * splits,
    widths: { weight: vector ? 4 : 1, x: point ? 4 : 1, more: point ? 4 : 1 },
  };
}

function sum(conv: Convolution): Pass {
  const { o, positions, splits } = sizes(conv);
  const { reads, params, overrides } = finishing(conv);
  return {
    label: 'sum',
    source: `${finish}\n${sumSource}`,
    reads: { partial: 'partial', ...reads },
    writes: { y: 'y' },
    params: { size: u32(size(conv.y)), splits: u32(splits), m: u32(o), n: u32(positions), ...params },
    overrides,
    workgroups: Math.ceil(size(conv.y) / 256),
  };
}

/** What `finish.wgsl` needs. */
function finishing({ added, y, tokensOut }: Convolution): {
  reads: Pass['reads'];
  params: Params;
  overrides: Overrides;
} {
  const [n, o] = y.shape;
  const whole = added !== undefined && size(added) === size(y);
  return {
    reads: { bias: 'bias', added: added ? 'added' : null },
    params: { added_step: u32(added && size(added) === n * o ? o : 0) },
    overrides: { ADDED_WHOLE: Number(whole), TOKENS_OUT: Number(tokensOut ?? false) },
  };
}
