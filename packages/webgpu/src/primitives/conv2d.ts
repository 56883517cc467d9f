/// <reference path="../wgsl.d.ts" />
import { type AnyOp, type ConvGeometry, primitives, size, type TensorType } from '@emu-ts/graph';
import type { AnyKernel, ManyPasses, Params } from '../kernel/kernel.js';
import conv2dSource from './conv2d.wgsl';
import conv2dInputGradSource from './conv2d-input-grad.wgsl';
import inputOperands from './conv2d-input-operands.wgsl';
import conv2dWeightGradSource from './conv2d-weight-grad.wgsl';
import weightOperands from './conv2d-weight-operands.wgsl';
import { groupsFor, u32s } from './geometry.js';
import { type Product, tiledProduct } from './product.js';

/** Convolutions: naive rungs, and their gradients as implicit matrix products in tiles. `@emu-ts/nn` brings tiles for the product. */
type Types = Readonly<Record<string, TensorType>>;

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

/** A gradient as a product in tiles. */
const tiled = (
  name: string,
  source: string,
  reads: readonly string[],
  product: (types: Types, attrs: ConvGeometry) => Product,
): ManyPasses<Types, ConvGeometry> =>
  tiledProduct({ name, source, tiles: { a: 'along', b: 'across', keep: true }, reads, product });

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
