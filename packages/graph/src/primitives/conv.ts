import { ShapeError } from '@emu-ts/base';
import { defineOp } from '../op.js';
import { dims } from '../shape.js';
import { formatType, type TensorType, type Value } from '../value.js';

/**
 * Two-dimensional convolution, NCHW with OIHW weights, and its two adjoints. The three are each other's derivatives,
 * so the set is closed.
 */
export type ConvGeometry = {
  readonly strides: readonly [number, number];
  /** Zeros at the top, left, bottom and right. */
  readonly padding: readonly [number, number, number, number];
};

const extent = (size: number, kernel: number, before: number, after: number, stride: number) =>
  Math.floor((size + before + after - kernel) / stride) + 1;

/** Shape of the output for an input [n c h w] and a weight [o c kh kw]. */
function outputShape(
  op: string,
  x: TensorType,
  weight: TensorType,
  { strides, padding }: ConvGeometry,
): number[] {
  const { n, c, h, w } = dims(x, 'n c h w');
  const { o, i, kh, kw } = dims(weight, 'o i kh kw');
  if (c !== i)
    throw new ShapeError(
      `${op}: ${formatType(x)} has ${c} channels, the weight ${formatType(weight)} takes ${i}.`,
    );
  const [top, left, bottom, right] = padding;
  const shape = [n, o, extent(h, kh, top, bottom, strides[0]), extent(w, kw, left, right, strides[1])];
  if (shape[2] < 1 || shape[3] < 1)
    throw new ShapeError(`${op}: the kernel of ${formatType(weight)} is larger than ${formatType(x)}.`);
  return shape;
}

const expectGradient = (op: string, dy: TensorType, shape: readonly number[]) => {
  if (dy.shape.join() !== shape.join())
    throw new ShapeError(`${op}: 'dy' must be [${shape}], got ${formatType(dy)}.`);
};

export const conv2dOp = defineOp({
  name: 'prim.conv2d',
  inputs: ['x', 'weight'],
  outputs: ['y'],
  infer: ({ x, weight }, geometry: ConvGeometry) => ({
    y: { shape: outputShape('prim.conv2d', x, weight, geometry), dtype: x.dtype },
  }),
  vjp: ({ inputs: { x, weight }, cotangents: { y: dy }, attrs }) =>
    dy
      ? {
          x: inputGrad(dy, weight, x, attrs),
          weight: weightGrad(x, dy, weight, attrs),
        }
      : {},
});

/** The cotangent of the input, of height and width `size`: a transposed convolution of `dy` [n o h' w']. */
export const conv2dInputGradOp = defineOp({
  name: 'prim.conv2d_input_grad',
  inputs: ['dy', 'weight'],
  outputs: ['y'],
  infer: ({ dy, weight }, { size, ...geometry }: ConvGeometry & { size: readonly [number, number] }) => {
    const y = { shape: [dy.shape[0], weight.shape[1], ...size], dtype: dy.dtype };
    expectGradient('prim.conv2d_input_grad', dy, outputShape('prim.conv2d_input_grad', y, weight, geometry));
    return { y };
  },
  vjp: ({ inputs: { dy, weight }, cotangents: { y: cotangent }, attrs: geometry }) =>
    cotangent
      ? {
          dy: convolve(cotangent, weight, geometry),
          weight: weightGrad(cotangent, dy, weight, geometry),
        }
      : {},
});

/** The cotangent of the weight [o c kh kw], with `kernel` = [kh, kw]. */
export const conv2dWeightGradOp = defineOp({
  name: 'prim.conv2d_weight_grad',
  inputs: ['x', 'dy'],
  outputs: ['y'],
  infer: ({ x, dy }, { kernel, ...geometry }: ConvGeometry & { kernel: readonly [number, number] }) => {
    const y = { shape: [dy.shape[1], x.shape[1], ...kernel], dtype: x.dtype };
    expectGradient('prim.conv2d_weight_grad', dy, outputShape('prim.conv2d_weight_grad', x, y, geometry));
    return { y };
  },
  vjp: ({ inputs: { x, dy }, cotangents: { y: cotangent }, attrs: geometry }) =>
    cotangent
      ? {
          x: inputGrad(dy, cotangent, x, geometry),
          dy: convolve(x, cotangent, geometry),
        }
      : {},
});

const convolve = (x: Value, weight: Value, geometry: ConvGeometry): Value =>
  conv2dOp({ x, weight }, geometry).y;

const inputGrad = (dy: Value, weight: Value, x: TensorType, { strides, padding }: ConvGeometry): Value =>
  conv2dInputGradOp({ dy, weight }, { strides, padding, size: [x.shape[2], x.shape[3]] }).y;

const weightGrad = (x: Value, dy: Value, weight: TensorType, { strides, padding }: ConvGeometry): Value =>
  conv2dWeightGradOp({ x, dy }, { strides, padding, kernel: [weight.shape[2], weight.shape[3]] }).y;

/** @param padding zeros on every side, or [top, left, bottom, right]. */
export function conv2d(
  x: Value,
  weight: Value,
  {
    stride = 1,
    padding = 0,
  }: { stride?: number; padding?: number | readonly [number, number, number, number] } = {},
): Value {
  const sides = typeof padding === 'number' ? ([padding, padding, padding, padding] as const) : padding;
  return conv2dOp({ x, weight }, { strides: [stride, stride], padding: sides }).y;
}
