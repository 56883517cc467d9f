/// <reference path="../wgsl.d.ts" />
import { type AnyOp, type ConvGeometry, primitives, size, type TensorType, tensorType } from '@emu-ts/graph';
import type { AnyKernel, ManyPasses, Overrides, Params, Pass, Width } from '../kernel/kernel.js';
import conv2dSource from './conv2d.wgsl';
import conv2dInputGradSource from './conv2d-input-grad.wgsl';
import inputOperands from './conv2d-input-operands.wgsl';
import conv2dWeightGradSource from './conv2d-weight-grad.wgsl';
import weightOperands from './conv2d-weight-operands.wgsl';
import { groupsFor, u32 } from './geometry.js';
import sumSource from './sum-splits.wgsl';

/** Convolutions: naive rungs, and their gradients as implicit matrix products in tiles. `@emu-ts/nn` brings tiles for the product. */
type Types = Readonly<Record<string, TensorType>>;

const u32s = (numbers: Readonly<Record<string, number>>): Params =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, u32(value)]));

function numbersOf(
  x: TensorType,
  weight: TensorType,
  y: TensorType,
  { strides: [sh, sw], padding: [top, left] }: ConvGeometry,
) {
  const [n, c, h, w] = x.shape;
  const [o, , kh, kw] = weight.shape;
  const [, , oh, ow] = y.shape;
  return { n, c, h, w, o, kh, kw, oh, ow, sh, sw, top, left };
}

/** A gradient as a product of batch × [m k] × [k n]. */
interface Product {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly params: Params;
  readonly overrides?: Overrides;
  readonly widths?: Readonly<Record<string, Width>>;
}

/** Workgroups that keep a large GPU busy, the shortest piece of the inner dimension that is worth one, and most pieces. */
const manyWorkgroups = 256;
const shortestSpan = 512;
const mostSplits = 16;

function tilesOf({ batch, m, n, k }: Product) {
  const tiles = batch * Math.ceil(m / 64) * Math.ceil(n / 64);
  const most = Math.min(Math.floor(k / shortestSpan), mostSplits);
  const wanted = Math.min(Math.floor(manyWorkgroups / Math.max(1, tiles)), most);
  const span = wanted > 1 ? Math.ceil(k / wanted / 16) * 16 : k;
  return { tiles, span, splits: Math.max(1, Math.ceil(k / Math.max(1, span))) };
}

function tiled(
  name: string,
  operands: string,
  reads: readonly string[],
  product: (types: Types, attrs: ConvGeometry) => Product,
): ManyPasses<Types, ConvGeometry> {
  return {
    name,
    supports: (types, attrs) => {
      const { m, n, k } = product(types, attrs);
      return Math.min(m, n, k) >= 16 || `a tile of 64 × 64 is wasted on ${m} × ${k} × ${n}`;
    },
    scratch: (types, attrs): Record<string, TensorType> => {
      const { splits } = tilesOf(product(types, attrs));
      return splits > 1 ? { partial: tensorType('f32', [splits, size(types.y)]) } : {};
    },
    passes: (types, attrs) => {
      const { params, overrides, widths, ...sizes } = product(types, attrs);
      const { tiles, span, splits } = tilesOf({ params, ...sizes });
      const pass: Pass = {
        label: splits > 1 ? 'tiles' : undefined,
        source: operands,
        tiles: { a: 'along', b: 'across', keep: true },
        reads: Object.fromEntries(reads.map((operand) => [operand, operand])),
        writes: { y: splits > 1 ? 'partial' : 'y' },
        params: { ...params, ...u32s({ ...sizes, span, tiles: tiles * splits }) },
        overrides,
        widths,
        workgroups: tiles * splits,
      };
      if (splits === 1) return [pass];
      const numbers = u32s({ size: size(types.y), splits });
      return [
        pass,
        {
          label: 'sum',
          source: sumSource,
          reads: { partial: 'partial' },
          writes: { y: 'y' },
          params: numbers,
          workgroups: groupsFor(size(types.y)),
        },
      ];
    },
  };
}

const inputGradTiled = tiled(
  'prim.conv2d_input_grad tiled',
  inputOperands,
  ['dy', 'weight'],
  ({ dy, weight, y }, geometry) => {
    const { n, c, h, w, o, kh, kw, oh, ow, sh, sw, top, left } = numbersOf(y, weight, dy, geometry);
    const params = u32s({ w, o, kh, kw, oh, ow, sh, sw, top, left });
    return { batch: n, m: c, n: h * w, k: o * kh * kw, params };
  },
);

const weightGradTiled = tiled(
  'prim.conv2d_weight_grad tiled',
  weightOperands,
  ['x', 'dy'],
  ({ x, dy, y }, geometry) => {
    const { n, c, h, w, o, kh, kw, oh, ow, sh, sw, top, left } = numbersOf(x, y, dy, geometry);
    const vector = (oh * ow) % 4 === 0 && (dy.dtype === 'f32' || dy.dtype === 'f16');
    return {
      batch: 1,
      m: o,
      n: c * kh * kw,
      k: n * oh * ow,
      params: u32s({ c, h, w, kh, kw, oh, ow, sh, sw, top, left }),
      overrides: { VECTOR: Number(vector) },
      widths: { dy: vector ? 4 : 1 },
    };
  },
);

const sized = (result: TensorType, numbers: ReturnType<typeof numbersOf>): Params =>
  u32s({ size: size(result), ...numbers });

export const conv2d = {
  conv2d: [
    {
      op: primitives.conv2d as AnyOp,
      name: 'prim.conv2d',
      source: conv2dSource,
      params: ({ x, weight, y }: Types, geometry: ConvGeometry) =>
        sized(y, numbersOf(x, weight, y, geometry)),
      workgroups: ({ y }: Types) => groupsFor(size(y)),
    },
  ] as AnyKernel[],
  conv2d_input_grad: [
    { op: primitives.conv2d_input_grad as AnyOp, ...inputGradTiled },
    {
      op: primitives.conv2d_input_grad as AnyOp,
      name: 'prim.conv2d_input_grad',
      source: conv2dInputGradSource,
      params: ({ dy, weight, y }: Types, geometry: ConvGeometry) =>
        sized(y, numbersOf(y, weight, dy, geometry)),
      workgroups: ({ y }: Types) => groupsFor(size(y)),
    },
  ] as AnyKernel[],
  conv2d_weight_grad: [
    { op: primitives.conv2d_weight_grad as AnyOp, ...weightGradTiled },
    {
      op: primitives.conv2d_weight_grad as AnyOp,
      name: 'prim.conv2d_weight_grad',
      source: conv2dWeightGradSource,
      params: ({ x, dy, y }: Types, geometry: ConvGeometry) => sized(y, numbersOf(x, y, dy, geometry)),
      workgroups: ({ y }: Types) => size(y),
    },
  ] as AnyKernel[],
};
