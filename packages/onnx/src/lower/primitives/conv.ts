import { EmuError } from '@emu-ts/base';
import type { Primitives } from '@emu-ts/graph';
import { isConcrete } from '../../model/size.js';
import type { Lowering, OperandType } from '../context.js';

/** Convolution and its two adjoints. ONNX pads in the order of our geometry: top, left, bottom, right. */
export const conv2d: Lowering<Primitives['conv2d']> = ({
  model,
  inputs: { x, weight },
  attrs: { strides, padding },
}) => model.emit('Conv', [x.name, weight.name], { strides, pads: padding });

/** A transposed convolution; the rows and columns that the stride left over are its output padding. */
export const conv2d_input_grad: Lowering<Primitives['conv2d_input_grad']> = ({
  model,
  inputs: { dy, weight },
  attrs: { strides, padding, size },
}) => {
  const [, , height, width] = concrete('prim.conv2d_input_grad', dy);
  const [, , kh, kw] = concrete('prim.conv2d_input_grad', weight);
  const [top, left, bottom, right] = padding;
  const rest = [
    size[0] - ((height - 1) * strides[0] + kh - top - bottom),
    size[1] - ((width - 1) * strides[1] + kw - left - right),
  ];
  return model.emit('ConvTranspose', [dy.name, weight.name], {
    strides,
    pads: padding,
    output_padding: rest,
  });
};

/** Up to this many taps, one matrix product per tap is faster than a convolution with the gradient as its kernel. */
const fewTaps = 16;

/**
 * The gradient at tap (i, j) is dy times x shifted by (i, j): a matrix product over batch and positions. Kernels with
 * many taps (patch embeddings) instead convolve x, channels as batch, with dy dilated by the stride.
 */
export const conv2d_weight_grad: Lowering<Primitives['conv2d_weight_grad']> = ({
  model,
  inputs: { x, dy },
  attrs: { strides, padding, kernel },
  outputs: { y },
}) => {
  const [n, c, height, width] = concrete('prim.conv2d_weight_grad', x);
  const [, o, rows, columns] = concrete('prim.conv2d_weight_grad', dy);
  const [kh, kw] = kernel;
  const [top, left] = padding;
  // What the forward convolution read: the padding after the end may be more or less than it was told.
  const used = [(rows - 1) * strides[0] + kh, (columns - 1) * strides[1] + kw];
  const pads = [0, 0, top, left, 0, 0, used[0] - height - top, used[1] - width - left];
  const padded = pads.some((p) => p !== 0)
    ? model.emit('Pad', [x.name, model.ints(pads), model.scalar(x.dtype, 0)])
    : x.name;
  const swap = { perm: [1, 0, 2, 3] };
  const images = model.emit('Transpose', [padded], swap); // [c n h w]
  const kernels = model.emit('Transpose', [dy.name], swap); // [o n h' w']
  if (kh * kw > fewTaps)
    return model.emit('Transpose', [model.emit('Conv', [images, kernels], { dilations: strides })], swap);
  const positions = n * rows * columns;
  const gradient = model.reshape(kernels, [o, positions]);
  const taps: string[] = [];
  for (let i = 0; i < kh; i++) {
    for (let j = 0; j < kw; j++) {
      const window = model.emit('Slice', [
        images,
        model.ints([i, j]),
        model.ints([i + (rows - 1) * strides[0] + 1, j + (columns - 1) * strides[1] + 1]),
        model.ints([2, 3]),
        model.ints(strides),
      ]);
      const right = model.emit('Transpose', [model.reshape(window, [c, positions])], { perm: [1, 0] });
      taps.push(model.reshape(model.emit('MatMul', [gradient, right]), [o, c, 1]));
    }
  }
  return model.reshape(model.emit('Concat', taps, { axis: 2 }), y.shape);
};

function concrete(op: string, { shape }: OperandType): readonly number[] {
  if (isConcrete(shape)) return shape;
  throw new EmuError('DYNAMIC_AXIS', `${op} needs sizes known in advance, got [${shape.map(String)}].`, {
    hint: 'Leave the axes it depends on unnamed.',
  });
}
