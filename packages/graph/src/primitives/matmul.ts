import { ShapeError } from '@emu-ts/base';
import { defineOp } from '../op.js';
import { broadcastShapes, expectSameDtype } from '../shape.js';
import { formatType, type Value } from '../value.js';
import { unbroadcast } from './elementwise.js';
import { swapLast } from './layout.js';

/** [… m k] · [… k n] → [… m n]; leading dimensions broadcast. */
export const matmulOp = defineOp({
  name: 'prim.matmul',
  inputs: ['a', 'b'],
  outputs: ['y'],
  infer: ({ a, b }, _: Record<string, never>) => {
    expectSameDtype('prim.matmul', a, b);
    const [m, k] = a.shape.slice(-2);
    const [k2, n] = b.shape.slice(-2);
    if (a.shape.length < 2 || b.shape.length < 2 || k !== k2) {
      throw new ShapeError(`prim.matmul: inner dimensions of ${formatType(a)} and ${formatType(b)} differ.`);
    }
    const batch = (x: Value) => ({ dtype: x.dtype, shape: x.shape.slice(0, -2) });
    return { y: { shape: [...broadcastShapes('prim.matmul', batch(a), batch(b)), m, n], dtype: a.dtype } };
  },
  vjp: ({ inputs: { a, b }, cotangents: { y: dy } }) =>
    dy ? { a: unbroadcast(matmul(dy, swapLast(b)), a), b: unbroadcast(matmul(swapLast(a), dy), b) } : {},
});

export const matmul = (a: Value, b: Value): Value => matmulOp({ a, b }, {}).y;
