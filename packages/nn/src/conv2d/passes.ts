/// <reference path="../wgsl.d.ts" />
import { type ConvGeometry, size, type TensorType, tensorType } from '@emu-ts/graph';
import type { GpuView, Overrides, Params, Pass } from '@emu-ts/webgpu/kernel';
import operandWeight from '../linear/operand-weight.wgsl';
import { u32, vectorises } from '../rows.js';
import { tilesOf, tiling, type Way, wayOpen } from '../ways.js';
import sumSource from './conv2d-sum.wgsl';
import tilesSource from './conv2d-tiles.wgsl';
import finish from './finish.wgsl';
import finishLater from './finish-later.wgsl';
import operandMap from './operand-map.wgsl';
import operandTokens from './operand-tokens.wgsl';

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

function sizes({ x, weight, y }: Convolution, way: Way) {
  const [batch, m, oh, ow] = y.shape;
  const [n, k] = [oh * ow, size(weight) / Math.max(1, m)];
  return { batch, c: x.shape[1], m, n, k, ...tilesOf({ batch, m, n, k }, way, { shortest: 512 }) };
}

/** True, or why a way is not one for a convolution. */
export function convFits({ y }: Convolution, way: Way, gpu: GpuView): true | string {
  const open = wayOpen(way, gpu);
  if (open !== true || !way.units) return open;
  const channels = y.shape[1];
  return channels >= 16 || `a tile of ${way.rows} × 64 is wasted on ${channels} channels`;
}

/** Partial sums of a convolution that is split. */
export function convScratch(conv: Convolution, way: Way): Record<string, TensorType> {
  const { splits } = sizes(conv, way);
  return splits > 1 ? { partial: tensorType('f32', [splits, ...conv.y.shape]) } : {};
}

export function convPasses(conv: Convolution, way: Way): Pass[] {
  const { splits } = sizes(conv, way);
  return splits > 1 ? [tiles(conv, way, true), sum(conv, way)] : [tiles(conv, way, false)];
}

const u32s = (numbers: Readonly<Record<string, number>>): Params =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, u32(value)]));

/** How x is read: as a map, or as tokens. */
function reading({ x, weight, y, strides, padding, enlarged, silu, tokensIn }: Convolution): Partial<Pass> {
  if (tokensIn) {
    const vector = vectorises(x.shape[1], x);
    return { overrides: { TOKENS_VECTOR: Number(vector) }, widths: { x: vector ? 4 : 1 } };
  }
  const [, , kh, kw] = weight.shape;
  const point =
    !enlarged &&
    [kh, kw, ...strides].every((d) => d === 1) &&
    padding.every((p) => p === 0) &&
    vectorises(y.shape[2] * y.shape[3], x);
  return {
    overrides: {
      POINT: Number(point),
      SILU: Number(silu ?? false),
      KH: kh,
      KW: kw,
      FACTOR: enlarged?.factor ?? 1,
    },
    widths: { x: point ? 4 : 1, more: point ? 4 : 1 },
  };
}

function tiles(conv: Convolution, way: Way, split: boolean): Pass {
  const { x, weight, y, strides, padding, enlarged, normalised, tokensIn, own } = conv;
  const { tiles: whole, splits, ...product } = sizes(conv, way);
  const [sh, sw] = strides;
  const [top, left] = padding;
  const [, c, h, w] = x.shape;
  const { height, width } = enlarged ?? { height: h, width: w };
  const map = { own: own ?? c, h, w, ow: y.shape[3], sh, sw, top, left, height, width };
  const vector = vectorises(product.k, weight);
  const ends = split ? undefined : finishing(conv);
  const { overrides, widths } = reading(conv);
  return {
    label: split ? 'tiles' : 'convolution',
    source: [
      split ? finishLater : finish,
      operandWeight,
      tokensIn ? operandTokens : operandMap,
      tilesSource,
    ].join('\n'),
    tiles: { a: 'along', b: tokensIn ? 'along' : 'across', units: way.units },
    reads: {
      x: 'x',
      more: own !== undefined && own < c ? 'more' : null,
      weight: 'weight',
      table: normalised ? 'table' : null,
      ...ends?.reads,
    },
    writes: { y: split ? 'partial' : 'y' },
    params: { ...u32s({ ...product, ...map, tiles: whole * splits }), ...ends?.params },
    overrides: {
      VECTOR: Number(vector),
      ...overrides,
      ...tiling(way, product.m, x, weight),
      ...ends?.overrides,
    },
    workgroups: whole * splits,
    widths: { weight: vector ? 4 : 1, ...widths },
  };
}

function sum(conv: Convolution, way: Way): Pass {
  const { m, n, splits } = sizes(conv, way);
  const { reads, params, overrides } = finishing(conv);
  return {
    label: 'sum',
    source: `${finish}\n${sumSource}`,
    reads: { partial: 'partial', ...reads },
    writes: { y: 'y' },
    params: { ...u32s({ size: size(conv.y), splits, m, n }), ...params },
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
