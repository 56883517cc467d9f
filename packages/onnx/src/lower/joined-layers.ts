import { sizeOf } from '@emu-ts/base';
import {
  type AnyOp,
  add,
  concat,
  type Graph,
  last,
  matmul,
  type Node,
  primitives,
  type Rule,
  reapply,
  reshape,
  sameShape,
  slice,
  sum,
  swapLast,
  type Value,
} from '@emu-ts/graph';

/**
 * A layer that computes several things at once, such as queries, keys and values, computes them one by one where rows are many:
 * its weight is cut, which is small, instead of what comes out, and in the backward pass gradients of the parts are not
 * joined. Their products are added up as they are made; and those that are gradients of the weight's parts share the
 * operand that is turned over, which the wider gradient of the whole would not.
 */
export function joinedLayers({ nodes, outputs }: Graph): Rule {
  const whole = new Set(Object.values(outputs));
  for (const node of nodes) if (!cutOf(node)) for (const x of Object.values(node.inputs)) whole.add(x);

  return (node, inputs) => {
    const { x, a, b } = inputs;
    const cut = cutOf(node);
    if (cut && isLayer(x) && !whole.has(node.inputs.x) && worthwhile(x, cut[1] - cut[0])) {
      const { weight, bias, ...others } = x.node.inputs;
      const parts = { weight: slice(weight, 0, ...cut), ...(bias ? { bias: slice(bias, 0, ...cut) } : {}) };
      return x.node.op({ ...others, ...parts }, x.node.attrs);
    }
    if (is(node, 'sum') && String(node.attrs.axes) === '0') {
      const parts = partsOf(x);
      if (parts) return { y: joined(parts, (part) => sum(part, 0, true), 1) };
    }
    if (is(node, 'matmul') && b.shape.length === 2) {
      const parts = partsOf(a);
      if (parts) return { y: productOf(parts, b) };
      const turned = turnedParts(a);
      if (turned) return { y: joined(turned, (part) => matmul(swapLast(part), b), 0) };
    }
    return reapply(node, inputs);
  };
}

/** Narrower parts would not keep the runtime's kernels busy. */
const narrow = 64;

/** Rows that make the weight small beside what it is multiplied with. */
const worthwhile = (x: Value, width: number): boolean =>
  width >= narrow && sizeOf(x.shape) / last(x) >= 4 * last(x);

/** The parts of a matrix that was joined from matrices with as many rows. */
function partsOf(x: Value): Value[] | undefined {
  const from = is(x.node, 'reshape') ? x.node.inputs.x : x;
  const isJoined = is(from.node, 'concat') && from.node.attrs.axis === from.shape.length - 1;
  if (!isJoined || x.shape.length !== 2 || last(from) !== last(x)) return undefined;
  const parts = Object.values(from.node.inputs);
  return parts.every((part) => worthwhile(x, last(part)))
    ? parts.map((part) => reshape(part, [x.shape[0], last(part)]))
    : undefined;
}

const turnedParts = ({ node }: Value): Value[] | undefined =>
  is(node, 'transpose') ? partsOf(node.inputs.x) : undefined;

const joined = (parts: readonly Value[], of: (part: Value) => Value, axis: number): Value =>
  concat(parts.map(of), axis);

/** [a b …] W, W cut into as many rows as each has columns. */
function productOf(parts: readonly Value[], weight: Value): Value {
  let end = 0;
  const products = parts.map((part) => {
    end += last(part);
    return matmul(part, slice(weight, 0, end - last(part), end));
  });
  return products.reduce((total, product) => add(total, product));
}

/** From where to where a node cuts the last axis, when it leaves all others whole. */
function cutOf({ op, attrs, inputs: { x }, outputs }: Node): readonly [number, number] | undefined {
  if (op !== (primitives.slice as AnyOp)) return undefined;
  const { starts, ends, steps } = attrs as Record<'starts' | 'ends' | 'steps', readonly number[]>;
  const axis = x.shape.length - 1;
  const rowsAreWhole = sameShape(x.shape.slice(0, -1), outputs.y.shape.slice(0, -1));
  return rowsAreWhole && steps[axis] === 1 ? [starts[axis], ends[axis]] : undefined;
}

const isLayer = ({ node: { op } }: Value): boolean => op.name === 'nn.linear';
const is = ({ op }: Node, name: keyof typeof primitives): boolean => op === (primitives[name] as AnyOp);
