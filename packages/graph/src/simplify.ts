import { joinPads } from './adjacent.js';
import type { Graph } from './graph.js';
import type { AnyOp } from './op.js';
import { primitives } from './primitives/index.js';
import { type Rule, reapply, rewrite } from './rewrite.js';
import type { Node, Value } from './value.js';

/**
 * Common-subexpression elimination, and removal of arithmetic that does nothing (x + 0, x · 1, zeros around what lies side
 * by side). Dead code needs no pass: a graph holds only what its outputs reach.
 */
export function simplify(graph: Graph): Graph {
  const ids = new Map<unknown, number>();
  const idOf = (thing: unknown) => {
    const id = ids.get(thing) ?? ids.size;
    ids.set(thing, id);
    return id;
  };
  const seen = new Map<string, Readonly<Record<string, Value>>>();
  const rule: Rule = (node, inputs) => {
    const kept = neutral(node.op, inputs);
    if (kept) return { y: kept };
    const joined = node.op === (primitives.add as AnyOp) ? joinPads(inputs) : undefined;
    if (joined) return { y: joined };
    const key = `${idOf(node.op)}(${Object.entries(inputs)
      .map(([name, { node: from, output }]) => `${name}:${idOf(from)}.${output}`)
      .join()})${attrsKey(node, idOf)}`;
    const outputs = seen.get(key) ?? reapply(node, inputs);
    seen.set(key, outputs);
    return outputs;
  };
  return rewrite(graph, rule);
}

/** Constants are compared by identity: hashing their data would cost more than it saves. */
const attrsKey = ({ op, attrs }: Node, idOf: (thing: unknown) => number): string =>
  op === (primitives.constant as AnyOp) ? `#${idOf(attrs.tensor)}` : JSON.stringify(attrs);

/** The operand that x + 0, x − 0, x · 1 or x / 1 amounts to, when its shape is the result's. */
function neutral(op: AnyOp, { a, b }: Readonly<Record<string, Value>>): Value | undefined {
  const is = (value: Value | undefined, number: number) =>
    value?.node.op === (primitives.full as AnyOp) && value.node.attrs.value === number;
  const covers = (x: Value, y: Value) => y.shape.length <= x.shape.length && y.shape.every((d) => d === 1);
  if (!a || !b) return undefined;
  const rightNeutral =
    op === primitives.add || op === primitives.sub
      ? 0
      : op === primitives.mul || op === primitives.div
        ? 1
        : undefined;
  if (rightNeutral === undefined) return undefined;
  if (is(b, rightNeutral) && covers(a, b)) return a;
  const commutes = op === primitives.add || op === primitives.mul;
  return commutes && is(a, rightNeutral) && covers(b, a) ? b : undefined;
}
