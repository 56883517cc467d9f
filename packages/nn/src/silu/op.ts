import { defineOp, mul, type Value } from '@emu-ts/graph';
import { expectFloat } from '../checks.js';
import { sigmoid } from '../sigmoid/op.js';

/** x · sigmoid(x), also called swish. */
export const siluOp = defineOp({
  name: 'nn.silu',
  inputs: ['x'],
  outputs: ['y'],
  infer({ x }, _: Record<string, never>) {
    expectFloat('nn.silu', 'x', x);
    return { y: { shape: x.shape, dtype: x.dtype } };
  },
  decompose: ({ x }) => ({ y: mul(x, sigmoid(x)) }),
});

export const silu = (x: Value): Value => siluOp({ x }, {}).y;
