import {
  type AnyOp,
  type Attrs,
  type Graph,
  type Node,
  primitives,
  sameType,
  type TensorType,
  type Value,
} from '@emu-ts/graph';
import type { Pattern } from '../kernel/kernel.js';
import { baseOf } from './view.js';

/** What the places of a pattern turned out to be. */
export interface Match {
  readonly operands: Readonly<Record<string, Value>>;
  readonly nodes: ReadonlyMap<Pattern, Node>;
}

const commutative: ReadonlySet<AnyOp> = new Set<AnyOp>(
  (['add', 'mul', 'max', 'min', 'and', 'equal'] as const).map((name) => primitives[name] as AnyOp),
);
const none: Match = { operands: {}, nodes: new Map() };

/** Every way in which `root` stands at `value`, whatever else reads what lies inside. */
export const matches = (root: Pattern, value: Value): Iterable<Match> => matchPart(root, value, none);

function* matchPart(part: Pattern | string, value: Value, so: Match): Iterable<Match> {
  if (typeof part === 'string') return yield* bind(part.replace(/\?$/, ''), value, so);
  const { node, output } = baseOf(value);
  if (node.op !== part.op || output !== outputOf(part) || part.when?.(node.attrs) === false) return;
  const known = so.nodes.get(part);
  if (known === node) yield so;
  if (known) return;
  const next = { operands: so.operands, nodes: new Map(so.nodes).set(part, node) };
  yield* matchInputs(Object.entries(part.inputs), node.inputs, next);
  if (!commutative.has(node.op)) return;
  const { a, b } = node.inputs;
  yield* matchInputs(Object.entries(part.inputs), { a: b, b: a }, next);
}

/** One operand of the fused op, which may stand at several places. */
function* bind(name: string, value: Value, so: Match): Iterable<Match> {
  const bound = so.operands[name];
  if (!bound) yield { operands: { ...so.operands, [name]: value }, nodes: so.nodes };
  else if (baseOf(bound) === baseOf(value)) yield so;
}

function* matchInputs(
  [next, ...others]: readonly (readonly [string, Pattern | string])[],
  inputs: Readonly<Record<string, Value>>,
  so: Match,
): Iterable<Match> {
  if (!next) {
    if (!Object.keys(inputs).length) yield so;
    return;
  }
  const [name, part] = next;
  const { [name]: value, ...rest } = inputs;
  if (value) for (const found of matchPart(part, value, so)) yield* matchInputs(others, rest, found);
  else if (typeof part === 'string' && part.endsWith('?')) yield* matchInputs(others, rest, so);
}

export const outputOf = ({ op, output }: Pattern): string => output ?? (op.outputs as readonly string[])[0];

/** Something of every node that the pattern names. */
const named = <T>({ nodes }: Match, of: (part: Pattern, node: Node) => T): Record<string, T> =>
  Object.fromEntries([...nodes].flatMap(([part, node]) => (part.name ? [[part.name, of(part, node)]] : [])));

export const attrsOf = (match: Match): Record<string, Attrs> => named(match, (_, { attrs }) => attrs);

export const namedTypes = (match: Match): Record<string, TensorType> =>
  named(match, (part, { outputs }) => outputs[outputOf(part)]);

/** The nodes that the fused op replaces: not those that stay for others. */
export const replacedBy = ({ nodes }: Match): ReadonlySet<Node> =>
  new Set([...nodes].flatMap(([part, node]) => (part.shared ? [] : [node])));

/** Values that live on outside of a match, by the output of the fused op that they become. */
export function keptBy(root: Pattern, { nodes }: Match, first: string): ReadonlyMap<Value, string> {
  const kept = new Map<Value, string>();
  for (const [part, { outputs }] of nodes)
    for (const [output, name] of Object.entries(part.keeps ?? {})) kept.set(outputs[output], name);
  return kept.set((nodes.get(root) as Node).outputs[outputOf(root)], first);
}

/** Who reads what, with reshapes left out; a graph's outputs are read by nobody's node. */
export function readersOf(graph: Graph): ReadonlyMap<Value, ReadonlySet<Node | undefined>> {
  const readers = new Map<Value, Set<Node | undefined>>();
  const add = (value: Value, node: Node | undefined) => {
    const base = baseOf(value);
    readers.set(base, (readers.get(base) ?? new Set()).add(node));
  };
  for (const node of graph.nodes) {
    if (node.op === (primitives.reshape as AnyOp)) continue;
    for (const value of Object.values(node.inputs)) add(value, node);
  }
  for (const value of Object.values(graph.outputs)) add(value, undefined);
  return readers;
}

/** Whether two types hold as many elements of one dtype: a reshape leads from one to the other. */
export const sameElements = (a: Value, b: Value): boolean =>
  sameType({ dtype: a.dtype, shape: [count(a)] }, { dtype: b.dtype, shape: [count(b)] });

const count = ({ shape }: Value): number => shape.reduce((n, d) => n * d, 1);
