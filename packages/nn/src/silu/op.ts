import { add, defineOp, mul, sub, type Value } from '@emu-ts/graph';
import { expectFloat } from '../checks.js';
import { sigmoid } from '../sigmoid/op.js';

/** x · sigmoid(x), also called swish. With s = sigmoid(x) the derivative is s + y (1 − s). */
export const siluOp = defineOp({
  name: 'nn.silu',
  inputs: ['x'],
  outputs: ['y'],
  infer({ x }, _: Record<string, never>) {
    expectFloat('nn.silu', 'x', x);
    return { y: { shape: x.shape, dtype: x.dtype } };
  },
  decompose: ({ x }) => ({ y: mul(x, sigmoid(x)) }),
  vjp({ inputs: { x }, outputs: { y }, cotangents: { y: dy } }) {
    if (!dy) return {};
    const s = sigmoid(x);
    return { x: mul(dy, add(s, mul(y, sub(1, s)))) };
  },
});

export const silu = (x: Value): Value => siluOp({ x }, {}).y;
