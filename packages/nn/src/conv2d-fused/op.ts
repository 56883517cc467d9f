import { ShapeError } from '@emu-ts/base';
import {
  add,
  type ConvGeometry,
  concat,
  defineOp,
  dims,
  formatType,
  reshape,
  size,
  slice,
  type TensorType,
  transpose,
  type Value,
} from '@emu-ts/graph';
import { conv2dOp } from '../conv2d/op.js';
import { groupNormOp } from '../group-norm/op.js';
import { silu } from '../silu/op.js';
import { upsampleNearest } from '../upsample-nearest/op.js';

/**
 * A convolution as diffusion models surround it: y = conv(source(x)) + added, where the source is x (with the channels
 * of `more` behind it), group-normalised x,
 * that after SiLU, x enlarged, or the tokens of a transformer; `added` is a map like y or one number for each channel (of each image). This op stands in
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
  /** x, or y, is [n positions c], as transformers have it: of convolutions that look at one pixel at a time. */
  readonly tokensIn: boolean;
  readonly tokensOut: boolean;
};

export const conv2dFusedOp = defineOp({
  name: 'nn.conv2d_fused',
  inputs: ['x', 'more?', 'gain?', 'shift?', 'weight', 'bias?', 'added?'],
  outputs: ['y'],
  infer({ x: given, more, gain, shift, weight, bias, added }, attrs: FusedConvolution) {
    const x = joined(attrs.tokensIn ? mapOf(given) : given, more);
    if (gain && shift) groupNormOp.infer({ x, weight: gain, bias: shift }, attrs);
    const { height, width } = seen(x, attrs);
    const [n, c] = x.shape;
    const { y } = conv2dOp.infer({ x: { ...x, shape: [n, c, height, width] }, weight, bias }, attrs);
    if (added && (added.dtype !== y.dtype || !fits(added, y)))
      throw new ShapeError(`nn.conv2d_fused: 'added' ${formatType(added)} does not fit ${formatType(y)}.`);
    const positions = y.shape[2] * y.shape[3];
    if (attrs.tokensIn && (weight.shape[2] * weight.shape[3] !== 1 || positions !== size(x) / (n * c)))
      throw new ShapeError(`nn.conv2d_fused: tokens have no neighbours for a kernel ${formatType(weight)}.`);
    return { y: attrs.tokensOut ? { ...y, shape: [n, positions, y.shape[1]] } : y };
  },
  decompose({ x: given, more, gain, shift, weight, bias, added }, attrs) {
    const first = attrs.tokensIn ? reshape(transpose(given, turn), mapOf(given).shape) : given;
    const x = more ? concat([first, more], 1) : first;
    let source = x;
    if (gain && shift) source = groupNormOp({ x, weight: gain, bias: shift }, attrs).y;
    if (attrs.silu) source = silu(source);
    const { height, width } = seen(x, attrs);
    if (attrs.factor > 1)
      source = slice(slice(upsampleNearest(source, attrs.factor), 2, 0, height), 3, 0, width);
    const { strides, padding } = attrs;
    const { y } = conv2dOp({ x: source, weight, bias }, { strides, padding });
    const sum = added ? add(y, spread(added, y)) : y;
    const [n, o] = sum.shape;
    return { y: attrs.tokensOut ? transpose(reshape(sum, [n, o, -1]), turn) : sum };
  },
});

const turn = [0, 2, 1];

/** Whether a transposition makes tokens of positions, or positions of tokens. */
export const turns = (permutation: readonly number[]): boolean => permutation.join() === turn.join();

/** The type of x with more channels behind its own. */
export function joined<T extends TensorType>(x: T, more: TensorType | undefined): T {
  if (!more) return x;
  const { n, c, h, w } = dims(x, 'n c h w');
  const { others } = dims(more, `${n} others ${h} ${w}`);
  if (more.dtype !== x.dtype)
    throw new ShapeError(`nn.conv2d_fused: ${formatType(more)} does not stand behind ${formatType(x)}.`);
  return { ...x, shape: [n, c + others, h, w] };
}

/** [n t c] as a map of so many columns, [n c t/columns columns]. */
export function mapOf<T extends TensorType>(tokens: T, columns = 1): T {
  const { n, t, c } = dims(tokens, 'n t c');
  return { ...tokens, shape: [n, c, t / columns, columns] };
}

/** Height and width that the convolution sees. */
export function seen(
  x: TensorType,
  { factor, height, width }: Pick<FusedConvolution, 'factor' | 'height' | 'width'>,
) {
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
