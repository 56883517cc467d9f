import { ShapeError } from '@emu-ts/base';
import {
  type Attrs,
  type Graph,
  graphOf,
  type Node,
  reapply,
  reshape,
  sameShape,
  type Value,
} from '@emu-ts/graph';
import type { AnyKernel, Fusion } from '../kernel/kernel.js';
import {
  attrsOf,
  keptBy,
  matches,
  namedTypes,
  outputOf,
  readersOf,
  replacedBy,
  sameElements,
} from './match.js';

/** A match that will be one node. */
interface Claim {
  readonly kernel: AnyKernel;
  readonly attrs: Attrs;
  readonly operands: Readonly<Record<string, Value>>;
  readonly nodes: ReadonlySet<Node>;
  /** Values of the graph → outputs of the fused op. */
  readonly kept: ReadonlyMap<Value, string>;
}

/** A kernel, and what it may fuse now. */
interface Fusing {
  readonly kernel: AnyKernel;
  readonly fuses: readonly Fusion[];
}

type Supports = (kernel: AnyKernel, node: Node) => true | string;

export interface Fused {
  readonly graph: Graph;
  readonly made: readonly { readonly op: string; readonly parts: readonly string[] }[];
  /** Fusions that stood in the graph and that no kernel took: `op: reason`. */
  readonly refused: readonly { readonly op: string; readonly reason: string }[];
}

/**
 * Puts fused ops where the graph holds their patterns. From the outputs back, so that what ends in a residual is looked
 * at before its parts; of several patterns at one place, the one of the first kernel in the list. Nothing is fused that
 * anything else reads from the inside.
 */
export function fuse(
  graph: Graph,
  kernels: readonly AnyKernel[],
  supports: Supports,
  { late }: { readonly late: boolean },
): Fused {
  const fusing = kernels
    .map((kernel) => ({ kernel, fuses: (kernel.fuses ?? []).filter((fusion) => late || !fusion.late) }))
    .filter(({ fuses }) => fuses.length);
  if (!fusing.length) return { graph, made: [], refused: [] };
  const readers = readersOf(graph);
  const claims = new Map<Node, Claim>();
  const refused: { op: string; reason: string }[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (claims.has(node)) continue;
    const reasons = new Map<string, string>();
    const claim = first(candidates(fusing, node), (found) => {
      if (!isClosed(found, readers, claims)) return undefined;
      const answer = applied(found, supports);
      if (answer === true) return found;
      const { op, name } = found.kernel;
      if (!reasons.has(op.name)) reasons.set(op.name, `${name}: ${answer}`);
      return undefined;
    });
    if (claim) for (const member of claim.nodes) claims.set(member, claim);
    if (!claim) for (const [op, reason] of reasons) refused.push({ op, reason });
  }
  const made = [...new Set(claims.values())].map(({ kernel, nodes }) => ({
    op: kernel.op.name,
    parts: [...nodes].map((node) => node.op.name),
  }));
  return { graph: claims.size ? rebuild(graph, claims) : graph, made, refused };
}

function first<T, R>(list: Iterable<T>, f: (item: T) => R | undefined): R | undefined {
  for (const item of list) {
    const found = f(item);
    if (found) return found;
  }
  return undefined;
}

/** Every way in which a pattern ends at a node. */
function* candidates(fusing: readonly Fusing[], node: Node): Iterable<Claim> {
  for (const { kernel, fuses } of fusing)
    for (const { root, attrs } of fuses) {
      if (root.op !== node.op) continue;
      for (const found of matches(root, node.outputs[outputOf(root)]))
        yield {
          kernel,
          attrs: attrs(attrsOf(found), namedTypes(found)),
          operands: found.operands,
          nodes: replacedBy(found),
          kept: keptBy(root, found, (kernel.op.outputs as readonly string[])[0]),
        };
    }
}

/** Nobody else reads the inside, and nothing that goes in depends on what comes out. */
function isClosed(
  { nodes, kept, operands }: Claim,
  readers: ReadonlyMap<Value, ReadonlySet<Node | undefined>>,
  claims: ReadonlyMap<Node, Claim>,
): boolean {
  for (const node of nodes) {
    if (claims.has(node)) return false;
    for (const value of Object.values(node.outputs)) {
      const inside = kept.has(value) || [...(readers.get(value) ?? [])].every((r) => r && nodes.has(r));
      if (!inside) return false;
    }
  }
  const seen = new Set<Node>();
  const stack = Object.values(operands).map(({ node }) => node);
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (nodes.has(node)) return false;
    for (const value of Object.values(claims.get(node)?.operands ?? node.inputs)) stack.push(value.node);
  }
  return true;
}

/** What a kernel says of the fused node; operands that the shape rule refuses are a reason too. */
function applied({ kernel, operands, attrs, kept }: Claim, supports: Supports): true | string {
  try {
    const outputs = kernel.op(operands, attrs) as Record<string, Value>;
    for (const [value, name] of kept)
      if (!sameElements(outputs[name], value)) return `its '${name}' is of another size`;
    return supports(kernel, (Object.values(outputs)[0] as Value).node);
  } catch (error) {
    if (error instanceof ShapeError) return error.message;
    throw error;
  }
}

/** The graph with one node for every claim. */
function rebuild(graph: Graph, claims: ReadonlyMap<Node, Claim>): Graph {
  const built = new Map<Value, Value>();
  const done = new Set<Node | Claim>();
  const follow = (values: Readonly<Record<string, Value>>): Record<string, Value> =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, built.get(value) as Value]));
  const build = (unit: Node | Claim) => {
    if (done.has(unit)) return;
    done.add(unit);
    if ('kept' in unit) {
      const outputs = unit.kernel.op(follow(unit.operands), unit.attrs) as Record<string, Value>;
      for (const [value, name] of unit.kept) {
        const { shape } = value;
        const y = outputs[name];
        built.set(value, sameShape(y.shape, shape) ? y : reshape(y, shape));
      }
      return;
    }
    const outputs = reapply(unit, follow(unit.inputs));
    for (const [name, value] of Object.entries(unit.outputs)) built.set(value, outputs[name]);
  };
  const stack: Node[] = Object.values(graph.outputs).map(({ node }) => node);
  while (stack.length) {
    const node = stack[stack.length - 1];
    const unit = claims.get(node) ?? node;
    const missing = Object.values('kept' in unit ? unit.operands : unit.inputs).filter((v) => !built.has(v));
    if (missing.length && !done.has(unit)) stack.push(...missing.map((value) => value.node));
    else {
      stack.pop();
      build(unit);
    }
  }
  return graphOf(follow(graph.outputs));
}
