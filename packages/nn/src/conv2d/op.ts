import { add, type ConvGeometry, cast, defineOp, primitives, reshape } from '@emu-ts/graph';
import { expectChannels, expectFloat } from '../checks.js';

/** Two-dimensional convolution with bias: x [n c h w], weight [o c kh kw], bias [o] → [n o h' w']. */
export const conv2dOp = defineOp({
  name: 'nn.conv2d',
  inputs: ['x', 'weight', 'bias?'],
  outputs: ['y'],
  infer({ x, weight, bias }, geometry: ConvGeometry) {
    expectFloat('nn.conv2d', 'x', x);
    expectFloat('nn.conv2d', 'weight', weight);
    if (bias) expectChannels('nn.conv2d', 'bias', bias, weight.shape[0]);
    return primitives.conv2d.infer({ x, weight }, geometry);
  },
  decompose({ x, weight, bias }, geometry) {
    const { y } = primitives.conv2d({ x, weight: cast(weight, x.dtype) }, geometry);
    return { y: bias ? add(y, reshape(cast(bias, x.dtype), [-1, 1, 1])) : y };
  },
});
