import { type HostTensor, sizeOf } from '@emu-ts/base';
import { toElements } from '../kernel/elements.js';
import { around, attr, everyElement, type Lower, outputOf } from './lower.js';

/** Values that come from no operand. */
export const constant: Lower = (node) => ({ elements: toElements(attr<HostTensor>(node, 'tensor')) });

/** The number is an argument, so that fills share one kernel. */
export const full: Lower = (node) => {
  const value = toElements({ dtype: 'f64', shape: [1], data: Float64Array.of(attr<number>(node, 'value')) });
  if (sizeOf(outputOf(node).shape) === 1) return { elements: value };
  return everyElement('function (value) { return value[0]; }', node, [], {
    operands: [],
    prepare: () => [value],
  });
};

export const iota: Lower = (node) => {
  const [, n, inner] = around(outputOf(node).shape, attr<number>(node, 'axis'));
  return everyElement(`function () { return remainder(quotient(this.thread.x, ${inner}), ${n}); }`, node, []);
};
