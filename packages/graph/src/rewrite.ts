import { EmuError } from '@emu-ts/base';
import { type Graph, graphOf, topological } from './graph.js';
import { primitiveName } from './primitives/index.js';
import { formatType, type Node, sameType, type Value } from './value.js';

/** What a rewrite puts in place of a node's outputs, given the already rewritten inputs. */
export type Rule = (node: Node, inputs: Readonly<Record<string, Value>>) => Readonly<Record<string, Value>>;

/** Rebuilds a graph from its inputs to its outputs, one node at a time. */
export function rewrite(graph: Graph, rule: Rule): Graph {
  const replaced = new Map<Value, Value>();
  const follow = (value: Value): Value => replaced.get(value) ?? value;
  for (const node of graph.nodes) {
    const inputs = mapValues(node.inputs, follow);
    const outputs = rule(node, inputs);
    for (const [name, old] of Object.entries(node.outputs)) {
      if (outputs[name] && outputs[name] !== old) replaced.set(old, outputs[name]);
    }
  }
  return graphOf(mapValues(graph.outputs, follow));
}

/** The same op on new inputs; the node itself when nothing changed. */
export const reapply: Rule = (node, inputs) =>
  Object.entries(inputs).every(([name, value]) => node.inputs[name] === value)
    ? node.outputs
    : node.op(inputs, node.attrs);

/**
 * Replaces composites by their decomposition, again and again, until only primitives and the nodes that `keep`
 * wants are left. `keep` sees the node as it will stand in the result.
 */
export function expand(graph: Graph, keep: (node: Node) => boolean = () => false): Graph {
  const rule: Rule = (node, inputs) => {
    const outputs = reapply(node, inputs);
    const [first] = Object.values(outputs);
    if (!first || primitiveName(node.op) || keep(first.node)) return outputs;
    return expandValues(decompose(first.node), new Set(Object.values(first.node.inputs)), rule);
  };
  return rewrite(graph, rule);
}

/** Applies `rule` to everything between `leaves` and `values`. */
function expandValues(
  values: Readonly<Record<string, Value>>,
  leaves: ReadonlySet<Value>,
  rule: Rule,
): Record<string, Value> {
  const replaced = new Map<Value, Value>();
  const follow = (value: Value): Value => replaced.get(value) ?? value;
  for (const node of topological(Object.values(values), leaves)) {
    const outputs = rule(node, mapValues(node.inputs, follow));
    for (const [name, old] of Object.entries(node.outputs)) replaced.set(old, outputs[name]);
  }
  return mapValues(values, follow);
}

/** A composite's meaning, checked against what its `infer` promised. */
export function decompose(node: Node): Readonly<Record<string, Value>> {
  const { op, inputs, attrs } = node;
  if (!op.decompose) {
    throw new EmuError(
      'NO_DECOMPOSITION',
      `${op.name} is not a primitive of this copy of @emu-ts/graph and has no decomposition.`,
      {
        hint: 'If two copies of a package are installed, keep one.',
      },
    );
  }
  const outputs = op.decompose(inputs, attrs) as Record<string, Value>;
  for (const [name, promised] of Object.entries(node.outputs)) {
    if (!sameType(outputs[name], promised)) {
      throw new EmuError(
        'BAD_DECOMPOSITION',
        `${op.name}: infer promises ${formatType(promised)} for '${name}', decompose gives ${formatType(outputs[name])}.`,
      );
    }
  }
  return outputs;
}

export const mapValues = <A, B>(record: Readonly<Record<string, A>>, f: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value)]));
