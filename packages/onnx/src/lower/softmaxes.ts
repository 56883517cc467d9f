import {
  type AnyOp,
  defineOp,
  div,
  exp,
  maxReduce,
  primitives,
  type Rule,
  reapply,
  sub,
  sum,
  type Value,
} from '@emu-ts/graph';

/**
 * Softmax where it is written in primitives, as attention and cross-entropy of a training step are: e^(x − max) / Σ e^(x − max),
 * and e^(x − logsumexp) in their backward passes. The runtime has one operator for both, and where forward and backward
 * pass have the same scores they share its result: nothing is exponentiated twice.
 */
export const softmaxes: Rule = (node, inputs) => {
  const x = isOp(node.op, 'div')
    ? ofQuotient(inputs)
    : isOp(node.op, 'exp')
      ? ofDifference(inputs)
      : undefined;
  return x?.dtype === 'f32' ? { y: softmaxOp({ x }, {}).y } : reapply(node, inputs);
};

/** Named as the op that lowerings know. */
export const softmaxOp = defineOp({
  name: 'nn.softmax',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }, _: Record<string, never>) => ({ y: { shape: x.shape, dtype: x.dtype } }),
  decompose({ x }) {
    const powers = exp(sub(x, maxReduce(x, -1, true)));
    return { y: div(powers, sum(powers, -1, true)) };
  },
});

type Operands = Readonly<Record<string, Value>>;

/** e^(x − max) / Σ e^(x − max) */
function ofQuotient({ a, b }: Operands): Value | undefined {
  const x = ofPowers(a);
  return x && totalOf(b) === x ? x : undefined;
}

/** e^(x − (max + log Σ e^(x − max))) */
function ofDifference({ x: difference }: Operands): Value | undefined {
  const found = operandsOf(difference, 'sub');
  const logsumexp = found && operandsOf(found.b, 'add');
  const total = logsumexp && operandsOf(logsumexp.b, 'log');
  return total && totalOf(total.x) === found.a && maximumOf(logsumexp.a) === found.a ? found.a : undefined;
}

/** The x of e^(x − max) */
function ofPowers(value: Value): Value | undefined {
  const difference = operandsOf(value, 'exp')?.x;
  const found = difference && operandsOf(difference, 'sub');
  return found && maximumOf(found.b) === found.a ? found.a : undefined;
}

/** The x of Σ e^(x − max) */
function totalOf(value: Value): Value | undefined {
  const powers = overLastAxis(value, 'sum');
  return powers && ofPowers(powers);
}

const maximumOf = (value: Value): Value | undefined => overLastAxis(value, 'max_reduce');

function overLastAxis(value: Value, name: 'sum' | 'max_reduce'): Value | undefined {
  const x = operandsOf(value, name)?.x;
  const axes = value.node.attrs.axes as readonly number[];
  return x && axes.length === 1 && axes[0] === x.shape.length - 1 ? x : undefined;
}

const operandsOf = ({ node }: Value, name: keyof typeof primitives): Operands | undefined =>
  isOp(node.op, name) ? node.inputs : undefined;

const isOp = (op: AnyOp, name: keyof typeof primitives): boolean => op === (primitives[name] as AnyOp);
