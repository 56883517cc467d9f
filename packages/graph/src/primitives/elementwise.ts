import { type DType, isFloat, ShapeError } from '@emu-ts/base';
import { defineOp } from '../op.js';
import { broadcastShapes, expectSameDtype } from '../shape.js';
import { formatType, type Value } from '../value.js';
import { reshape } from './layout.js';
import { sum } from './reduce.js';
import { full } from './source.js';

/**
 * Elementwise maths. Binary operations broadcast as NumPy does, and take a plain number on either side. The
 * derivative of each stands beside its name.
 */
function unary<N extends `prim.${string}`>(name: N, derivative: (dy: Value, x: Value, y: Value) => Value) {
  return defineOp({
    name,
    inputs: ['x'],
    outputs: ['y'],
    infer: ({ x }, _: Record<string, never>) => {
      if (!isFloat(x.dtype)) throw new ShapeError(`${name} takes floats, got ${formatType(x)}.`);
      return { y: x };
    },
    vjp: ({ inputs: { x }, outputs: { y }, cotangents: { y: dy } }) =>
      dy ? { x: derivative(dy, x, y) } : {},
  });
}

function binary<N extends `prim.${string}`>(
  name: N,
  da: (dy: Value, a: Value, b: Value, y: Value) => Value,
  db: (dy: Value, a: Value, b: Value, y: Value) => Value,
) {
  return defineOp({
    name,
    inputs: ['a', 'b'],
    outputs: ['y'],
    infer: ({ a, b }, _: Record<string, never>) => {
      expectSameDtype(name, a, b);
      return { y: { shape: broadcastShapes(name, a, b), dtype: a.dtype } };
    },
    vjp: ({ inputs: { a, b }, outputs: { y }, cotangents: { y: dy } }) =>
      dy ? { a: unbroadcast(da(dy, a, b, y), a), b: unbroadcast(db(dy, a, b, y), b) } : {},
  });
}

/** Sums a cotangent over the axes along which its operand was broadcast. */
export function unbroadcast(dy: Value, { shape }: Value): Value {
  const lead = dy.shape.length - shape.length;
  const axes = dy.shape
    .map((_, i) => i)
    .filter((i) => i < lead || (shape[i - lead] === 1 && dy.shape[i] !== 1));
  return axes.length ? reshape(sum(dy, axes), shape) : dy;
}

export const negOp = unary('prim.neg', (dy) => neg(dy));
export const expOp = unary('prim.exp', (dy, _, y) => mul(dy, y));
export const logOp = unary('prim.log', (dy, x) => div(dy, x));
export const sqrtOp = unary('prim.sqrt', (dy, _, y) => div(mul(dy, 0.5), y));
export const rsqrtOp = unary('prim.rsqrt', (dy, _, y) => mul(mul(dy, -0.5), mul(y, mul(y, y))));
export const sinOp = unary('prim.sin', (dy, x) => mul(dy, cos(x)));
export const cosOp = unary('prim.cos', (dy, x) => neg(mul(dy, sin(x))));
export const tanhOp = unary('prim.tanh', (dy, _, y) => mul(dy, sub(1, mul(y, y))));
/** d erf(x)/dx = 2/√π · exp(−x²) */
export const erfOp = unary('prim.erf', (dy, x) => mul(dy, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI))));

export const addOp = binary(
  'prim.add',
  (dy) => dy,
  (dy) => dy,
);
export const subOp = binary(
  'prim.sub',
  (dy) => dy,
  (dy) => neg(dy),
);
export const mulOp = binary(
  'prim.mul',
  (dy, _, b) => mul(dy, b),
  (dy, a) => mul(dy, a),
);
export const divOp = binary(
  'prim.div',
  (dy, _, b) => div(dy, b),
  (dy, _, b, y) => neg(div(mul(dy, y), b)),
);
/** Where both are equal the gradient goes to `a`. */
export const maxOp = binary(
  'prim.max',
  (dy, a, b) => where(less(a, b), 0, dy),
  (dy, a, b) => where(less(a, b), dy, 0),
);
export const minOp = binary(
  'prim.min',
  (dy, a, b) => where(less(b, a), 0, dy),
  (dy, a, b) => where(less(b, a), dy, 0),
);

function comparison<N extends `prim.${string}`>(name: N) {
  return defineOp({
    name,
    inputs: ['a', 'b'],
    outputs: ['y'],
    infer: ({ a, b }, _: Record<string, never>) => {
      expectSameDtype(name, a, b);
      return { y: { shape: broadcastShapes(name, a, b), dtype: 'bool' as const } };
    },
    vjp: 'none',
  });
}

export const lessOp = comparison('prim.less');
export const equalOp = comparison('prim.equal');
/** Of two bool tensors. */
export const andOp = comparison('prim.and');

export const whereOp = defineOp({
  name: 'prim.where',
  inputs: ['condition', 'a', 'b'],
  outputs: ['y'],
  infer: ({ condition, a, b }, _: Record<string, never>) => {
    expectSameDtype('prim.where', a, b);
    if (condition.dtype !== 'bool')
      throw new ShapeError(`prim.where: the condition must be bool, got ${formatType(condition)}.`);
    const shape = broadcastShapes('prim.where', a, b);
    return {
      y: { shape: broadcastShapes('prim.where', condition, { shape, dtype: a.dtype }), dtype: a.dtype },
    };
  },
  vjp: ({ inputs: { condition, a, b }, cotangents: { y: dy } }) =>
    dy ? { a: unbroadcast(where(condition, dy, 0), a), b: unbroadcast(where(condition, 0, dy), b) } : {},
});

export const castOp = defineOp({
  name: 'prim.cast',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }, { dtype }: { dtype: DType }) => ({ y: { shape: x.shape, dtype } }),
  vjp: ({ inputs: { x }, cotangents: { y: dy } }) => (dy && isFloat(x.dtype) ? { x: cast(dy, x.dtype) } : {}),
});

type Operand = Value | number;

/** Gives a plain number the dtype of the value beside it. */
function lift(a: Operand, b: Operand): [Value, Value] {
  const dtype = typeof a === 'object' ? a.dtype : typeof b === 'object' ? b.dtype : 'f32';
  const value = (x: Operand) => (typeof x === 'number' ? full([], x, dtype) : x);
  return [value(a), value(b)];
}

const pair =
  (op: typeof addOp) =>
  (x: Operand, y: Operand): Value => {
    const [a, b] = lift(x, y);
    return op({ a, b }, {}).y;
  };

export const neg = (x: Value): Value => negOp({ x }, {}).y;
export const exp = (x: Value): Value => expOp({ x }, {}).y;
export const log = (x: Value): Value => logOp({ x }, {}).y;
export const sqrt = (x: Value): Value => sqrtOp({ x }, {}).y;
export const rsqrt = (x: Value): Value => rsqrtOp({ x }, {}).y;
export const sin = (x: Value): Value => sinOp({ x }, {}).y;
export const cos = (x: Value): Value => cosOp({ x }, {}).y;
export const tanh = (x: Value): Value => tanhOp({ x }, {}).y;
export const erf = (x: Value): Value => erfOp({ x }, {}).y;
export const add = pair(addOp);
export const sub = pair(subOp);
export const mul = pair(mulOp);
export const div = pair(divOp);
export const max = pair(maxOp);
export const min = pair(minOp);
export const less = pair(lessOp);
export const equal = pair(equalOp);
export const and = pair(andOp);
export const where = (condition: Value, x: Operand, y: Operand): Value => {
  const [a, b] = lift(x, y);
  return whereOp({ condition, a, b }, {}).y;
};
export const cast = (x: Value, dtype: DType): Value => (x.dtype === dtype ? x : castOp({ x }, { dtype }).y);
