import type { NativeLowering } from '../lower/context.js';
import { onlyF32, widened } from './f32.js';

/** A convolution with its bias inside the operator. */
export const conv2d: NativeLowering = {
  op: 'nn.conv2d',
  becomes: 'Conv',
  supports: (node) => onlyF32(node, ['x']),
  lower(context) {
    const { model, inputs, attrs } = context;
    const operands = ['weight', ...(inputs.bias ? ['bias'] : [])].map((name) => widened(context, name));
    const geometry = {
      strides: attrs.strides as readonly number[],
      pads: attrs.padding as readonly number[],
    };
    return { y: model.emit('Conv', [inputs.x.name, ...operands], geometry) };
  },
};
