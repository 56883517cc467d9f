import { sizeOf } from '@emu-ts/base';
import { type Node, stridesOf } from '@emu-ts/graph';
import { positions } from '../kernel/index-text.js';
import { around, attr, everyElement, type Lower } from './lower.js';

/** One thread per result, walking through the elements that it is made of. */

/** Text for the first element of a result, the loop over the others, and where the r-th lies. */
function walk(node: Node): { count: number; declare: string; first: string; each: string; offset: string } {
  const { x } = node.inputs;
  const axes = attr<readonly number[]>(node, 'axes');
  const strides = stridesOf(x.shape);
  const part = (variable: string, reduced: boolean) => {
    const picked = x.shape.map((_, axis) => axis).filter((axis) => axes.includes(axis) === reduced);
    const shape = picked.map((axis) => x.shape[axis]);
    const { declare, at } = positions(variable, shape, [{ strides: picked.map((axis) => strides[axis]) }]);
    return { declare, at: at[0], count: sizeOf(shape) };
  };
  const kept = part('i', false);
  const inner = part('r', true);
  return {
    count: inner.count,
    declare: kept.declare,
    first: kept.at,
    each: inner.declare,
    offset: inner.at,
  };
}

/** Sums of partial sums: in f32 the error of n terms then grows as √n does, and not as n. */
export const sum: Lower = (node) => {
  const { count, declare, first, each, offset } = walk(node);
  const block = Math.max(1, Math.ceil(Math.sqrt(count)));
  const source = `function (x) {
  const i = this.thread.x; ${declare}
  const first = ${first};
  let total = 0;
  for (let block = 0; block < ${Math.ceil(count / block)}; block++) {
    let partial = 0;
    for (let k = 0; k < ${block}; k++) {
      const r = block * ${block} + k; ${each}
      if (r < ${count}) { partial += x[first + ${offset}]; }
    }
    total += partial;
  }
  return total;
}`;
  return everyElement(source, node, [node.inputs.x]);
};

export const maxReduce: Lower = (node) => {
  const { count, declare, first, each, offset } = walk(node);
  const source = `function (x) {
  const i = this.thread.x; ${declare}
  const first = ${first};
  let best = x[first];
  for (let r = 1; r < ${count}; r++) {
    ${each}
    best = Math.max(best, x[first + ${offset}]);
  }
  return best;
}`;
  return everyElement(source, node, [node.inputs.x]);
};

/** The first of equals. */
export const argmax: Lower = (node) => {
  const { x } = node.inputs;
  const [, n, inner] = around(x.shape, attr<number>(node, 'axis'));
  const source = `function (x) {
  const first = quotient(this.thread.x, ${inner}) * ${n * inner} + remainder(this.thread.x, ${inner});
  let best = 0;
  for (let j = 1; j < ${n}; j++) {
    if (x[first + j * ${inner}] > x[first + best * ${inner}]) { best = j; }
  }
  return best;
}`;
  return everyElement(source, node, [x]);
};
