import type { Attrs } from './op.js';
import { concat, pad, primitives } from './primitives/index.js';
import { type Node, sameShape, type Value } from './value.js';

/**
 * The sum of two padded values whose elements lie side by side, as one concatenation: what the backward pass of `split`
 * comes to, where every part would otherwise be filled up with zeros and added. Undefined where they lie otherwise.
 */
export function joinPads({ a, b }: Readonly<Record<string, Value>>): Value | undefined {
  if (!sameShape(a.shape, b.shape)) return undefined;
  const [first, second] = [asPadded(a), asPadded(b)];
  return first && second && (join(first, second) ?? join(second, first));
}

/** A value with zeros before and after it. */
interface Padded {
  readonly x: Value;
  readonly low: readonly number[];
  readonly high: readonly number[];
}

function asPadded({ node }: Value): Padded | undefined {
  if (!isOp(node, 'pad')) return undefined;
  const { low, high, interior } = node.attrs as Attrs & Record<'low' | 'high' | 'interior', number[]>;
  return interior.every((n) => n === 0) ? { x: node.inputs.x, low, high } : undefined;
}

/** Both in one, when `after` begins along one axis where `before` ends, and fills the same of all others. */
function join(before: Padded, after: Padded): Value | undefined {
  const { shape } = before.x;
  const apart = shape.flatMap((_, i) =>
    before.low[i] === after.low[i] && before.high[i] === after.high[i] ? [] : [i],
  );
  const [axis] = apart;
  if (apart.length !== 1 || before.low[axis] + shape[axis] !== after.low[axis]) return undefined;
  const joined = concat([...partsOf(before.x, axis), ...partsOf(after.x, axis)], axis);
  const high = before.high.map((n, i) => (i === axis ? after.high[i] : n));
  return [...before.low, ...high].every((n) => n === 0) ? joined : pad(joined, before.low, high);
}

/** Of a concatenation along this axis its parts, so that a third one joins the first two. */
const partsOf = (x: Value, axis: number): readonly Value[] =>
  isOp(x.node, 'concat') && x.node.attrs.axis === axis ? Object.values(x.node.inputs) : [x];

const isOp = ({ op }: Node, name: 'pad' | 'concat'): boolean => op === (primitives[name] as Node['op']);
