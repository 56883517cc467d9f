import { ShapeError } from '@emu-ts/base';
import {
  add,
  type ConvGeometry,
  defineOp,
  dims,
  formatType,
  reshape,
  size,
  slice,
  type TensorType,
  type Value,
} from '@emu-ts/graph';
import { conv2dOp } from '../conv2d/op.js';
import { groupNormOp } from '../group-norm/op.js';
import { silu } from '../silu/op.js';
import { upsampleNearest } from '../upsample-nearest/op.js';

/**
 * A convolution as diffusion models surround it: y = conv(source(x)) + added, where the source is x, group-normalised x,
 * that after SiLU, or x enlarged; `added` is a map like y or one number for each channel (of each image). This op stands in
 * no model: the WebGPU planner puts it where a graph holds these parts, and what lies between them is never written.
 */
export type FusedConvolution = ConvGeometry & {
  /** Of the norm; `gain` and `shift` are its weight and bias. */
  readonly groups: number;
  readonly eps: number;
  readonly silu: boolean;
  /** Every pixel so often in both directions, and what is kept of that; 0 for all. */
  readonly factor: number;
  readonly height: number;
  readonly width: number;
};

export const conv2dFusedOp = defineOp({
  name: 'nn.conv2d_fused',
  inputs: ['x', 'gain?', 'shift?', 'weight', 'bias?', 'added?'],
  outputs: ['y'],
  infer({ x, gain, shift, weight, bias, added }, attrs: FusedConvolution) {
    if (gain && shift) groupNormOp.infer({ x, weight: gain, bias: shift }, attrs);
    const { height, width } = seen(x, attrs);
    const [n, c] = x.shape;
    const { y } = conv2dOp.infer({ x: { ...x, shape: [n, c, height, width] }, weight, bias }, attrs);
    if (added && (added.dtype !== y.dtype || !fits(added, y)))
      throw new ShapeError(`nn.conv2d_fused: 'added' ${formatType(added)} does not fit ${formatType(y)}.`);
    return { y };
  },
  decompose({ x, gain, shift, weight, bias, added }, attrs) {
    let source = x;
    if (gain && shift) source = groupNormOp({ x, weight: gain, bias: shift }, attrs).y;
    if (attrs.silu) source = silu(source);
    const { height, width } = seen(x, attrs);
    if (attrs.factor > 1)
      source = slice(slice(upsampleNearest(source, attrs.factor), 2, 0, height), 3, 0, width);
    const { strides, padding } = attrs;
    const { y } = conv2dOp({ x: source, weight, bias }, { strides, padding });
    return { y: added ? add(y, spread(added, y)) : y };
  },
});

/** Height and width that the convolution sees. */
export function seen(x: TensorType, { factor, height, width }: FusedConvolution) {
  const { h, w } = dims(x, 'n c h w');
  return { height: height || h * factor, width: width || w * factor };
}

const fits = (added: TensorType, y: TensorType): boolean => {
  const [n, o] = y.shape;
  if (size(added) === size(y)) return true;
  const [images, channels, ...rest] = added.shape;
  return (
    added.shape.length === 4 && channels === o && (images === n || images === 1) && rest.every((d) => d === 1)
  );
};

const spread = (added: Value, y: Value): Value => (size(added) === size(y) ? reshape(added, y.shape) : added);
