import { broadcastStrides, type Node } from '@emu-ts/graph';
import { positions } from '../kernel/index-text.js';
import { everyElement, type Lower, outputOf } from './lower.js';

/** Kernels of the form y[i] = f(a[…], b[…]); operands broadcast through their index. */

/** @param expression JavaScript in the operands' names. */
export const elementwise =
  (expression: string): Lower =>
  (node) => {
    const { shape } = outputOf(node);
    const names = Object.keys(node.inputs);
    const operands = Object.values(node.inputs);
    const views = operands.map((x) => ({ strides: broadcastStrides(x.shape, shape) }));
    const { declare, at } = positions('i', shape, views);
    const reads = names.map((name, k) => `const ${name} = ${name}s[${at[k]}];`).join(' ');
    const source = `function (${names.map((name) => `${name}s`).join(', ')}) {
  const i = this.thread.x; ${declare}
  ${reads}
  return ${expression};
}`;
    return everyElement(source, node, operands);
  };

const integer = (node: Node): boolean => /^[iu]/.test(outputOf(node).dtype);

export const div: Lower = (node) => elementwise(integer(node) ? 'truncatedQuotient(a, b)' : 'a / b')(node);

/** To an integer: towards zero; to bool: 0 or 1. Floats are all held as f32, so between them nothing happens. */
export const cast: Lower = (node) => {
  const [from, to] = [node.inputs.x.dtype, outputOf(node).dtype];
  const whole = (dtype: string) => dtype === 'bool' || /^[iu]/.test(dtype);
  if (to === 'bool' && from !== 'bool') return elementwise('x === 0 ? 0 : 1')(node);
  if (whole(to) && !whole(from)) return elementwise('x < 0 ? Math.ceil(x) : Math.floor(x)')(node);
  return { alias: node.inputs.x };
};
