import { type AnyOp, broadcastStrides, last, primitives, type Value } from '@emu-ts/graph';
import { positions } from '../kernel/index-text.js';
import { type Lower, outputOf } from './lower.js';

/** A matrix operand as it lies in memory. */
interface Matrix {
  readonly value: Value;
  /** Distance between neighbours in a row and in a column. */
  readonly along: number;
  readonly down: number;
}

/** A swap of the last two axes costs nothing: the matrix is read the other way. */
function matrix(value: Value): Matrix {
  const { op, inputs, attrs } = value.node;
  const rank = value.shape.length;
  const swapped =
    op === (primitives.transpose as AnyOp) &&
    (attrs.permutation as readonly number[]).every(
      (axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i),
    );
  return swapped
    ? { value: inputs.x, along: last(inputs.x), down: 1 }
    : { value, along: 1, down: last(value) };
}

/**
 * One thread per element of the product, four terms at a time. A left operand with a batch against a right one
 * without is one matrix of more rows.
 */
export const matmul: Lower = (node) => {
  const { a, b } = node.inputs;
  const [left, right] = [matrix(a), matrix(b)];
  const { shape } = outputOf(node);
  const [m, n] = shape.slice(-2);
  const k = last(a);
  const batch = shape.slice(0, -2);
  const count = batch.reduce((x, y) => x * y, 1);
  const tall = left.along === 1 && right.value.shape.slice(0, -2).every((d) => d === 1);
  const size = (x: Matrix) => x.value.shape.slice(-2).reduce((p, q) => p * q, 1);
  const views = [left, right].map((x) => ({
    strides: broadcastStrides(x.value.shape.slice(0, -2), batch).map((stride) => stride * size(x)),
  }));
  const { declare, at } = positions('i', batch, views);
  const where = tall || count === 1 ? '' : `const i = this.thread.z; ${declare}`;
  const [fromA, fromB] = where ? [`${at[0]} + `, `${at[1]} + `] : ['', ''];
  const term = (s: number) => `a[p + ${s * left.along}] * b[q + ${s * right.down}]`;
  const source = `function (a, b) {
  ${where}
  let p = ${fromA}this.thread.y * ${left.down};
  let q = ${fromB}this.thread.x * ${right.along};
  let sum = 0;
  for (let step = 0; step < ${Math.floor(k / 4)}; step++) {
    sum += ${[0, 1, 2, 3].map(term).join(' + ')};
    p += ${4 * left.along};
    q += ${4 * right.down};
  }
  for (let step = 0; step < ${k % 4}; step++) {
    sum += a[p] * b[q];
    p += ${left.along};
    q += ${right.down};
  }
  return sum;
}`;
  const threads = tall ? [n, m * count] : count === 1 ? [n, m] : [n, m, count];
  return { call: { source, threads, operands: [left.value, right.value] } };
};
