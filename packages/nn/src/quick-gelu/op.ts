import { defineOp, mul, type Value } from '@emu-ts/graph';
import { expectFloat } from '../checks.js';
import { sigmoid } from '../sigmoid/op.js';

/** x · sigmoid(1.702 x), the approximation that OpenAI's CLIP uses. */
export const quickGeluOp = defineOp({
  name: 'nn.quick_gelu',
  inputs: ['x'],
  outputs: ['y'],
  infer({ x }, _: Record<string, never>) {
    expectFloat('nn.quick_gelu', 'x', x);
    return { y: { shape: x.shape, dtype: x.dtype } };
  },
  decompose: ({ x }) => ({ y: mul(x, sigmoid(mul(x, 1.702))) }),
});

export const quickGelu = (x: Value): Value => quickGeluOp({ x }, {}).y;
