import {
  type AnyOp,
  concat,
  decompose,
  expand,
  formatWays,
  type Graph,
  type Node,
  primitiveName,
  primitives,
  type Rule,
  reapply,
  rewrite,
  simplify,
  type Value,
} from '@emu-ts/graph';
import type { JsKernel } from '../js-kernel.js';
import { padFirst } from '../lower/conv.js';
import { CONCAT_LIMIT } from '../lower/layout.js';

/** How a composite is run: by a kernel, or through its decomposition and why. */
export type PlanEntry =
  | { readonly op: string; readonly kernel: string }
  | { readonly op: string; readonly reason: string };

export interface Prepared {
  /** Primitives, and the composites that have a kernel. */
  readonly graph: Graph;
  readonly kernels: ReadonlyMap<Node, JsKernel>;
  readonly plan: readonly PlanEntry[];
}

/**
 * Expands a graph down to what has a kernel. Whether one applies may depend on which results are read, known only once
 * everything around the node stands: candidates are kept at first, those refused are replaced by their meaning, and what
 * that brings is looked at again.
 */
export function prepare(graph: Graph, kernels: readonly JsKernel[]): Prepared {
  const plan: PlanEntry[] = [];
  const keep = ({ op }: Node): boolean => {
    if (kernels.some((kernel) => kernel.op === op)) return true;
    plan.push({ op: op.name, reason: 'no kernel' });
    return false;
  };
  for (let current = graph; ; ) {
    current = simplify([narrowConcat, padFirst].reduce(rewrite, expand(current, keep)));
    const used = readValues(current);
    const chosen = new Map<Node, JsKernel>();
    const refused = new Map<Node, string>();
    for (const node of current.nodes) {
      if (primitiveName(node.op)) continue;
      const outputs = new Set(Object.keys(node.outputs).filter((name) => used.has(node.outputs[name])));
      const answer = choose(node, outputs, kernels);
      if (typeof answer === 'string') refused.set(node, answer);
      else chosen.set(node, answer);
    }
    for (const [{ op }, reason] of refused) plan.push({ op: op.name, reason });
    if (!refused.size) {
      for (const [{ op }, { name }] of chosen) plan.push({ op: op.name, kernel: name });
      return { graph: current, kernels: chosen, plan };
    }
    current = rewrite(current, (node, inputs) => {
      const outputs = reapply(node, inputs);
      return refused.has(node) ? decompose(Object.values(outputs)[0].node) : outputs;
    });
  }
}

/** The first kernel that supports the node, or the reasons of all. */
function choose(node: Node, used: ReadonlySet<string>, kernels: readonly JsKernel[]): JsKernel | string {
  const reasons: string[] = [];
  for (const kernel of kernels) {
    if (kernel.op !== node.op) continue;
    const answer = kernel.supports(node, used);
    if (answer === true) return kernel;
    reasons.push(answer);
  }
  return reasons.join('; ');
}

function readValues({ nodes, outputs }: Graph): ReadonlySet<Value> {
  return new Set([...nodes.flatMap(({ inputs }) => Object.values(inputs)), ...Object.values(outputs)]);
}

/** Joins many parts in groups that one kernel takes. */
const narrowConcat: Rule = (node, inputs) => {
  const parts = Object.values(inputs);
  if (node.op !== (primitives.concat as AnyOp) || parts.length <= CONCAT_LIMIT) return reapply(node, inputs);
  const axis = node.attrs.axis as number;
  const join = (values: readonly Value[]): Value => {
    if (values.length <= CONCAT_LIMIT) return concat(values, axis);
    const size = Math.ceil(values.length / CONCAT_LIMIT);
    const groups = Array.from({ length: CONCAT_LIMIT }, (_, i) => values.slice(i * size, (i + 1) * size));
    return join(
      groups
        .filter((group) => group.length)
        .map((group) => (group.length > CONCAT_LIMIT ? join(group) : concat(group, axis))),
    );
  };
  return { y: join(parts) };
};

/**
 * One line per op and way it runs:
 *
 *     nn.gelu ×3 decomposed: no kernel
 *     nn.layer_norm ×2 by nn.layer_norm
 */
export const formatPlan = (entries: readonly PlanEntry[]): string =>
  formatWays(
    entries.map((entry) => ({
      op: entry.op,
      how: 'kernel' in entry ? `by ${entry.kernel}` : `decomposed: ${entry.reason}`,
    })),
  );
