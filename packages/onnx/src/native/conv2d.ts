import type { LoweringContext, NativeLowering } from '../lower/context.js';
import { onlyF32, widened } from './f32.js';

const operands = ({ inputs }: LoweringContext): readonly string[] => [
  'weight',
  ...(inputs.bias ? ['bias'] : []),
];

const convolution = (
  { model, inputs, attrs }: LoweringContext,
  weights: readonly string[],
): Record<string, string> => {
  const geometry = {
    strides: attrs.strides as readonly number[],
    pads: attrs.padding as readonly number[],
  };
  return { y: model.emit('Conv', [inputs.x.name, ...weights], geometry) };
};

/** A convolution with its bias inside the operator. */
export const conv2d: NativeLowering = {
  op: 'nn.conv2d',
  becomes: 'Conv',
  supports: (node) => onlyF32(node, ['x']),
  lower: (context) =>
    convolution(
      context,
      operands(context).map((name) => widened(context, name)),
    ),
};

/**
 * The same with weight and bias copied into the program: only then does ONNX Runtime lay them out in blocks, which
 * takes a tenth to a fifth off. Leave it out of the list to share convolution weights between programs as well.
 */
export const embeddedConv2d: NativeLowering = {
  ...conv2d,
  becomes: 'Conv (embedded weight)',
  supports(node) {
    const open = ['weight', 'bias'].filter((name) => node.inputs[name] && !node.constants.has(name));
    return open.length ? `${open.join(' and ')} may change` : conv2d.supports(node);
  },
  lower: (context) =>
    convolution(
      context,
      operands(context).map((name) => context.embed(name, 'f32')),
    ),
};
