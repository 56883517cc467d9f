import {
  type AnyOp,
  decompose,
  expand,
  type Graph,
  type Node,
  primitiveName,
  primitives,
  type Rule,
  reapply,
  rewrite,
  simplify,
  type TensorType,
  type Value,
} from '@emu-ts/graph';
import { hostType } from '../model/dtype.js';
import { narrowOperands, wideScalars } from './broadcasts.js';
import type { NativeLowering, NodeView } from './context.js';
import { flatRows } from './flat-rows.js';
import { joinedLayers } from './joined-layers.js';
import { packedUpdates } from './packed-updates.js';
import type { PlanEntry } from './plan.js';
import { rowSums } from './row-sums.js';
import { softmaxes, softmaxOp } from './softmaxes.js';
import { tallProducts } from './tall-products.js';
import { matmulTransposedOp, transposedProducts } from './transposed-products.js';

export interface PrepareOptions {
  /** The first that supports a node is taken. */
  readonly lowerings: readonly NativeLowering[];
  /** Inputs whose elements are known when the program is compiled. */
  readonly constants: ReadonlySet<string>;
  /** Sizes will depend on named axes. */
  readonly dynamic: boolean;
}

export interface Prepared {
  /** Primitives, and the composites that have a native lowering. */
  readonly graph: Graph;
  readonly natives: ReadonlyMap<Node, NativeLowering>;
  readonly plan: readonly PlanEntry[];
}

/**
 * Expands a graph down to what can be emitted. Whether a native lowering applies depends on which results are read,
 * which is known only once everything around the node stands; so all candidates are kept at first, those that do
 * not apply are replaced by their meaning, and what that brings is looked at again.
 */
export function prepare(graph: Graph, options: PrepareOptions): Prepared {
  const candidates = new Map<string, NativeLowering[]>();
  for (const lowering of options.lowerings)
    candidates.set(lowering.op, [...(candidates.get(lowering.op) ?? []), lowering]);
  const decomposed: PlanEntry[] = [];
  const keep = ({ op }: Node) => {
    if (candidates.has(op.name)) return true;
    decomposed.push({ op: op.name, reason: 'no native lowering' });
    return false;
  };
  const recognised = new Map(written.filter(([op]) => candidates.has(op.name)));
  for (let current = options.dynamic ? graph : packedUpdates(graph); ; ) {
    current = simplify(rewrite(expand(current, keep), narrowOperands));
    for (const rule of recognised.values()) current = simplify(rewrite(current, rule));
    if (!options.dynamic) {
      for (const rule of [joinedLayers(current), rowSums, flatRows, wideScalars])
        current = rewrite(current, rule);
      current = simplify(current);
      current = simplify(rewrite(current, tallProducts(current)));
    }
    const readers = readersOf(current);
    const natives = new Map<Node, NativeLowering>();
    const refused = new Set<Node>();
    for (const node of current.nodes.filter(({ op }) => !primitiveName(op))) {
      const answer = choose(candidates.get(node.op.name) ?? [], viewOf(node, readers, options));
      if (typeof answer === 'object') natives.set(node, answer);
      else {
        refused.add(node);
        decomposed.push({ op: node.op.name, reason: answer });
      }
    }
    for (const { op } of refused) recognised.delete(op);
    if (!refused.size) {
      const kept = [...natives].map(([{ op }, { becomes }]) => ({ op: op.name, becomes }));
      return { graph: current, natives, plan: [...kept, ...decomposed] };
    }
    current = rewrite(current, (node, inputs) => {
      const outputs = reapply(node, inputs);
      return refused.has(node) ? decompose(Object.values(outputs)[0].node) : outputs;
    });
  }
}

/** Composites that graphs hold written out, and how they are seen. Of equal products equal softmaxes are made. */
const written: readonly (readonly [AnyOp, Rule])[] = [
  [matmulTransposedOp as AnyOp, transposedProducts],
  [softmaxOp as AnyOp, softmaxes],
];

/** The first lowering that supports a node, or the reasons of all. */
function choose(lowerings: readonly NativeLowering[], view: NodeView): NativeLowering | string {
  const reasons: string[] = [];
  for (const lowering of lowerings) {
    const answer = lowering.supports(view);
    if (answer === true) return lowering;
    reasons.push(answer);
  }
  return reasons.join('; ');
}

/** How many nodes read each value; an output of the graph is read once more. */
function readersOf({ nodes, outputs }: Graph): ReadonlyMap<Value, number> {
  const readers = new Map<Value, number>();
  const read = (values: Iterable<Value>) => {
    for (const value of new Set(values)) readers.set(value, (readers.get(value) ?? 0) + 1);
  };
  for (const { inputs } of nodes) read(Object.values(inputs));
  read(Object.values(outputs));
  return readers;
}

function viewOf(
  { inputs, outputs, attrs }: Node,
  readers: ReadonlyMap<Value, number>,
  { constants, dynamic }: PrepareOptions,
): NodeView {
  const held = (values: Readonly<Record<string, Value>>): Record<string, TensorType> =>
    Object.fromEntries(
      Object.entries(values).map(([name, { dtype, shape }]) => [name, { dtype: hostType(dtype), shape }]),
    );
  const known = (value: Value) =>
    value.node.op === (primitives.constant as AnyOp) ||
    (value.node.op === (primitives.input as AnyOp) && constants.has(value.node.attrs.name as string));
  const names = <T>(record: Readonly<Record<string, T>>, wanted: (value: T) => boolean) =>
    new Set(Object.keys(record).filter((name) => wanted(record[name])));
  return {
    inputs: held(inputs),
    outputs: held(outputs),
    attrs,
    used: names(outputs, (value) => readers.has(value)),
    shared: names(inputs, (value) => (readers.get(value) ?? 0) > 1),
    constants: names(inputs, known),
    dynamic,
  };
}
