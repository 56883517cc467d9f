import { sizeOf } from '@emu-ts/base';
import {
  type AnyOp,
  type Node,
  primitives,
  type Rule,
  reapply,
  reshape,
  sameShape,
  type Value,
} from '@emu-ts/graph';

/**
 * What treats all rows alike is computed on matrices [rows columns]. Linear layers multiply such, and where everything between
 * them keeps [batch positions columns], every product has two operators around it that only change a shape: hundreds in a
 * training step, which move nothing but take as long as small ones that do, and keep the runtime from taking additions
 * into products. Here they move down until something needs the shape.
 */
export const flatRows: Rule = (node, inputs) => {
  const { op, outputs } = node;
  if (op === (primitives.reshape as AnyOp)) return { y: reshaped(inputs.x, outputs.y.shape) };
  const { shape } = Object.values(outputs)[0] ?? { shape: [] };
  const begins = op.name === linear || Object.values(inputs).some(isMatrix);
  if (shape.length <= 2 || !begins || !treatsRowsAlike(node)) return reapply(node, inputs);
  const rows = shape.slice(0, -1);
  const flat: Record<string, Value> = {};
  for (const [name, value] of Object.entries(inputs)) {
    const matrix = composites.has(op.name) && name !== 'x' ? value : flattened(value, rows);
    if (!matrix) return reapply(node, inputs);
    flat[name] = matrix;
  }
  const results = op(flat, node.attrs.axes ? { axes: [1] } : node.attrs);
  return Object.fromEntries(
    Object.entries(outputs).map(([name, y]) => [name, reshape(results[name], y.shape)]),
  );
};

const linear = 'nn.linear';
/** Of the operand x; the others are vectors or matrices as they are. */
const composites: ReadonlySet<string> = new Set(
  ['layer_norm', 'rms_norm', 'gelu', 'quick_gelu', 'silu', 'sigmoid']
    .map((name) => `nn.${name}`)
    .concat(linear),
);
const elementwise: ReadonlySet<AnyOp> = new Set<AnyOp>(
  [
    ...(['add', 'sub', 'mul', 'div', 'max', 'min', 'less', 'equal', 'where', 'cast'] as const),
    ...(['neg', 'exp', 'log', 'sqrt', 'rsqrt', 'tanh', 'erf'] as const),
  ].map((name) => primitives[name] as AnyOp),
);

function treatsRowsAlike({ op, inputs, attrs }: Node): boolean {
  if (op === (primitives.sum as AnyOp)) {
    const axes = attrs.axes as readonly number[];
    return axes.length === 1 && axes[0] === inputs.x.shape.length - 1;
  }
  return elementwise.has(op) || composites.has(op.name);
}

/** Whether a value is a matrix in a shape of more axes, with the same columns. */
function isMatrix({ node: { op, inputs }, shape }: Value): boolean {
  if (op !== (primitives.reshape as AnyOp)) return false;
  const from = inputs.x.shape;
  return from.length === 2 && shape.length > 2 && from[1] === shape[shape.length - 1];
}

/** An operand beside matrices, if it has as many rows or is the same for all. */
function flattened(value: Value, rows: readonly number[]): Value | undefined {
  const { shape } = value;
  const columns = shape[shape.length - 1];
  if (sameShape(shape.slice(0, -1), rows)) return reshaped(value, [sizeOf(rows), columns]);
  return sizeOf(shape.slice(0, -1)) === 1 ? reshaped(value, shape.slice(-1)) : undefined;
}

/** Changes a shape once, however often it has been changed. */
const reshaped = (x: Value, shape: readonly number[]): Value =>
  reshape(x.node.op === (primitives.reshape as AnyOp) ? x.node.inputs.x : x, shape);
