import { EmuError } from '@emu-ts/base';
import type { Value } from '@emu-ts/graph';
import type { HostPart } from '../kernel/call.js';
import { around, attr, everyElement, type Lower, outputOf } from './lower.js';

/**
 * Positions known when the graph runs. A kernel cannot throw, so the host looks at the indices first: one outside its
 * axis is an `INDEX` error.
 */
function checkRows(indices: Float32Array, n: number): void {
  const wrong = indices.find((row) => !(row >= 0 && row < n));
  if (wrong !== undefined) throw new EmuError('INDEX', `Index ${wrong} is outside an axis of ${n} elements.`);
}

const startWithin = (start: Value, length: number, n: number): HostPart => ({
  operands: [start],
  prepare([from]) {
    if (from >= 0 && from + length <= n) return [];
    throw new EmuError('INDEX', `${length} elements from ${from} are outside an axis of ${n}.`);
  },
});

export const gather: Lower = (node) => {
  const { x, indices } = node.inputs;
  const [, n, inner] = around(x.shape, attr<number>(node, 'axis'));
  const count = indices.shape.reduce((a, b) => a * b, 1);
  const source = `function (x, indices) {
  const i = this.thread.x;
  const outer = quotient(i, ${count * inner});
  const row = indices[remainder(quotient(i, ${inner}), ${count})];
  return x[(outer * ${n} + row) * ${inner} + remainder(i, ${inner})];
}`;
  return everyElement(source, node, [x, indices], {
    operands: [indices],
    prepare(rows) {
      checkRows(rows, n);
      return [];
    },
  });
};

/** The host lists the updates of every row, and each thread adds up those of its own. */
export const scatterAdd: Lower = (node) => {
  const { x, indices, updates } = node.inputs;
  const [, n, inner] = around(x.shape, attr<number>(node, 'axis'));
  const count = indices.shape.reduce((a, b) => a * b, 1);
  const source = `function (x, updates, starts, order) {
  const i = this.thread.x;
  const outer = quotient(i, ${n * inner});
  const row = remainder(quotient(i, ${inner}), ${n});
  const first = outer * ${count * inner} + remainder(i, ${inner});
  let total = x[i];
  for (let p = starts[row]; p < starts[row + 1]; p++) {
    total += updates[first + order[p] * ${inner}];
  }
  return total;
}`;
  return everyElement(source, node, [x, updates], {
    operands: [indices],
    prepare(rows) {
      checkRows(rows, n);
      return updatesByRow(rows, n);
    },
  });
};

/** For every row the positions of its updates: those of row k are `order[starts[k] … starts[k + 1] − 1]`. */
function updatesByRow(rows: Float32Array, n: number): [starts: Float32Array, order: Float32Array] {
  const starts = new Float32Array(n + 1);
  for (const row of rows) starts[row + 1]++;
  for (let row = 0; row < n; row++) starts[row + 1] += starts[row];
  const next = starts.slice();
  const order = new Float32Array(rows.length);
  rows.forEach((row, position) => {
    order[next[row]++] = position;
  });
  return [starts, order];
}

export const dynamicSlice: Lower = (node) => {
  const { x, start } = node.inputs;
  const axis = attr<number>(node, 'axis');
  const [, n, inner] = around(x.shape, axis);
  const length = outputOf(node).shape[axis];
  const source = `function (x, start) {
  const outer = quotient(this.thread.x, ${length * inner});
  const rest = this.thread.x - outer * ${length * inner};
  return x[outer * ${n * inner} + start[0] * ${inner} + rest];
}`;
  return everyElement(source, node, [x, start], startWithin(start, length, n));
};

export const updateSlice: Lower = (node) => {
  const { x, update, start } = node.inputs;
  const axis = attr<number>(node, 'axis');
  const [, n, inner] = around(x.shape, axis);
  const length = update.shape[axis];
  const source = `function (x, update, start) {
  const i = this.thread.x;
  const outer = quotient(i, ${n * inner});
  const j = i - outer * ${n * inner} - start[0] * ${inner};
  if (j >= 0 && j < ${length * inner}) { return update[outer * ${length * inner} + j]; }
  return x[i];
}`;
  return everyElement(source, node, [x, update, start], startWithin(start, length, n));
};
