import { EmuError, type HostTensor, toF64 } from '@emu-ts/base';
import type { ConvGeometry } from '../primitives/conv.js';
import type { PrimitiveName } from '../primitives/index.js';
import type { Node } from '../value.js';
import { type Array64, array } from './array.js';
import * as elementwise from './elementwise.js';
import * as layout from './layout.js';
import * as linear from './linear.js';
import { argmax, fold } from './reduce.js';

/** Computes the outputs of one primitive node. */
export type Evaluate = (node: Node, inputs: Record<string, Array64>) => Array64;

/** A lowering that needs only operands and the output's shape. */
const shaped =
  <I>(f: (inputs: I, shape: readonly number[]) => Array64): Evaluate =>
  (node, inputs) =>
    f(inputs as I, outputShape(node));

const outputShape = (node: Node) => Object.values(node.outputs)[0].shape;
const attr = <T>(node: Node, name: string) => node.attrs[name] as T;
const geometry = (node: Node) => node.attrs as ConvGeometry;

export const lowerings = {
  input: (node) => {
    throw new EmuError('MISSING_INPUT', `No tensor was given for input '${node.attrs.name}'.`);
  },
  constant: (node) => {
    const tensor = attr<HostTensor>(node, 'tensor');
    return array(tensor.shape, toF64(tensor));
  },
  full: (node) => {
    const y = array(outputShape(node));
    y.data.fill(attr<number>(node, 'value'));
    return y;
  },
  iota: (node) => {
    const y = array(outputShape(node));
    const [, n, inner] = layout.around(y.shape, attr<number>(node, 'axis'));
    for (let i = 0; i < y.data.length; i++) y.data[i] = Math.floor(i / inner) % n;
    return y;
  },
  neg: shaped(elementwise.unary((x) => -x)),
  exp: shaped(elementwise.unary(Math.exp)),
  log: shaped(elementwise.unary(Math.log)),
  sqrt: shaped(elementwise.unary(Math.sqrt)),
  rsqrt: shaped(elementwise.unary((x) => 1 / Math.sqrt(x))),
  sin: shaped(elementwise.unary(Math.sin)),
  cos: shaped(elementwise.unary(Math.cos)),
  tanh: shaped(elementwise.unary(Math.tanh)),
  erf: shaped(elementwise.unary(elementwise.erf)),
  add: shaped(elementwise.binary((a, b) => a + b)),
  sub: shaped(elementwise.binary((a, b) => a - b)),
  mul: shaped(elementwise.binary((a, b) => a * b)),
  div: (node, inputs) => {
    const integer = /^[iu]/.test(Object.values(node.outputs)[0].dtype);
    const quotient = integer ? (a: number, b: number) => Math.trunc(a / b) : (a: number, b: number) => a / b;
    return shaped(elementwise.binary(quotient))(node, inputs);
  },
  max: shaped(elementwise.binary(Math.max)),
  min: shaped(elementwise.binary(Math.min)),
  less: shaped(elementwise.binary((a, b) => (a < b ? 1 : 0))),
  equal: shaped(elementwise.binary((a, b) => (a === b ? 1 : 0))),
  and: shaped(elementwise.binary((a, b) => (a && b ? 1 : 0))),
  where: shaped(elementwise.where),
  cast: (node, { x }) => elementwise.cast({ x }, Object.values(node.outputs)[0].dtype),
  sum: shaped(fold((total, x) => total + x, 0)),
  max_reduce: shaped(fold(Math.max, Number.NEGATIVE_INFINITY)),
  argmax: (node, { x }) => argmax({ x }, outputShape(node), attr<number>(node, 'axis')),
  reshape: (node, { x }) => array(outputShape(node), x.data),
  transpose: (node, { x }) => layout.transpose({ x }, outputShape(node), attr<number[]>(node, 'permutation')),
  broadcast: shaped(layout.broadcast),
  slice: (node, { x }) =>
    layout.slice({ x }, outputShape(node), attr<number[]>(node, 'starts'), attr<number[]>(node, 'steps')),
  pad: (node, { x }) => {
    const y = array(outputShape(node));
    layout.write(
      y,
      x,
      attr<number[]>(node, 'low'),
      attr<number[]>(node, 'interior').map((n) => n + 1),
    );
    return y;
  },
  concat: (node, parts) => {
    const y = array(outputShape(node));
    const axis = attr<number>(node, 'axis');
    let start = 0;
    for (const part of Object.values(parts)) {
      layout.write(
        y,
        part,
        y.shape.map((_, i) => (i === axis ? start : 0)),
      );
      start += part.shape[axis];
    }
    return y;
  },
  gather: (node, { x, indices }) => {
    const y = array(outputShape(node));
    const [outer, n, inner] = layout.around(x.shape, attr<number>(node, 'axis'));
    eachRow(indices, n, outer, (row, o, i) => {
      const from = (o * n + row) * inner;
      y.data.set(x.data.subarray(from, from + inner), (o * indices.data.length + i) * inner);
    });
    return y;
  },
  scatter_add: (node, { x, indices, updates }) => {
    const y = array(x.shape, x.data.slice());
    const [outer, n, inner] = layout.around(x.shape, attr<number>(node, 'axis'));
    eachRow(indices, n, outer, (row, o, i) => {
      const [to, from] = [(o * n + row) * inner, (o * indices.data.length + i) * inner];
      for (let j = 0; j < inner; j++) y.data[to + j] += updates.data[from + j];
    });
    return y;
  },
  dynamic_slice: (node, { x, start }) => {
    const axis = attr<number>(node, 'axis');
    const starts = x.shape.map((_, i) => (i === axis ? within(start, x.shape[i], outputShape(node)[i]) : 0));
    return layout.slice(
      { x },
      outputShape(node),
      starts,
      starts.map(() => 1),
    );
  },
  update_slice: (node, { x, update, start }) => {
    const y = array(x.shape, x.data.slice());
    const axis = attr<number>(node, 'axis');
    layout.write(
      y,
      update,
      x.shape.map((d, i) => (i === axis ? within(start, d, update.shape[i]) : 0)),
    );
    return y;
  },
  matmul: shaped(linear.matmul),
  conv2d: (node, inputs) => linear.conv2d(inputs as never, outputShape(node), geometry(node)),
  conv2d_input_grad: (node, inputs) =>
    linear.conv2dInputGrad(inputs as never, outputShape(node), geometry(node)),
  conv2d_weight_grad: (node, inputs) =>
    linear.conv2dWeightGrad(inputs as never, outputShape(node), geometry(node)),
} satisfies Record<PrimitiveName, Evaluate>;

function eachRow(
  indices: Array64,
  n: number,
  outer: number,
  visit: (row: number, outer: number, i: number) => void,
): void {
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < indices.data.length; i++) {
      const row = indices.data[i];
      if (!(row >= 0 && row < n))
        throw new EmuError('INDEX', `Index ${row} is outside an axis of ${n} elements.`);
      visit(row, o, i);
    }
}

function within(start: Array64, size: number, length: number): number {
  const [from] = start.data;
  if (!(from >= 0 && from + length <= size)) {
    throw new EmuError('INDEX', `${length} elements from ${from} are outside an axis of ${size}.`);
  }
  return from;
}
