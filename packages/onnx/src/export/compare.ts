import { EmuError, type HostTensor, ShapeError } from '@emu-ts/base';
import { formatType, type Graph, inputName, type Node, type Value } from '@emu-ts/graph';

/** One traced graph and the axis sizes it was traced at. */
export interface Trace {
  readonly sizes: Readonly<Record<string, number>>;
  readonly graph: Graph;
}

/** Attributes that lowerings are able to compute at run time; any other must be the same in every trace. */
const symbolic: Readonly<Record<string, readonly string[]>> = {
  'prim.input': ['shape'],
  'prim.reshape': ['shape'],
  'prim.broadcast': ['shape'],
  'prim.full': ['shape', 'value'],
  'prim.iota': ['shape'],
  'prim.slice': ['starts', 'ends'],
  'prim.pad': ['low', 'high'],
  'prim.dynamic_slice': ['length'],
};

/**
 * Makes sure that graphs traced at different sizes differ in nothing but sizes: the same ops on the same operands, and
 * the same attributes except those that can be computed at run time. Throws `DYNAMIC_AXIS` naming the first node that
 * differs.
 */
export function compare(traces: readonly Trace[]): void {
  const [base, ...others] = traces;
  const baseIndex = positions(base.graph);
  for (const other of others) {
    const index = positions(other.graph);
    const [mine, theirs] = [base.graph.nodes, other.graph.nodes];
    const differs = mine.findIndex((node, i) => !sameNode(node, theirs[i], baseIndex, index));
    const at = differs < 0 ? Math.min(mine.length, theirs.length) : differs;
    if (differs >= 0 || mine.length !== theirs.length) {
      throw dynamicAxis(
        `${describe(mine[at], base)} faces ${describe(theirs[at], other)}: the model computes something else at another size.`,
        'Choose sample sizes that take the same path through the model, none of them 1.',
      );
    }
    for (const [i, node] of mine.entries()) compareAttrs(node, theirs[i], base, other);
    compareNames(base, other);
  }
}

type Positions = ReadonlyMap<Node, number>;

const positions = ({ nodes }: Graph): Positions => new Map(nodes.map((node, i) => [node, i]));

function sameNode(a: Node, b: Node | undefined, indexA: Positions, indexB: Positions): boolean {
  if (!b || a.op !== b.op || inputName(firstOf(a)) !== inputName(firstOf(b))) return false;
  const names = Object.keys(a.inputs);
  return (
    names.join() === Object.keys(b.inputs).join() &&
    names.every(
      (name) =>
        indexA.get(a.inputs[name].node) === indexB.get(b.inputs[name].node) &&
        a.inputs[name].output === b.inputs[name].output,
    )
  );
}

const firstOf = (node: Node): Value => Object.values(node.outputs)[0];

function compareAttrs(a: Node, b: Node, base: Trace, other: Trace): void {
  for (const [name, value] of Object.entries(a.attrs)) {
    if (symbolic[a.op.name]?.includes(name) || sameAttribute(value, b.attrs[name])) continue;
    const constant = a.op.name === 'prim.constant';
    throw dynamicAxis(
      `'${name}' of ${describe(a, base)} is not that of ${describe(b, other)}.`,
      constant
        ? 'A table that depends on a named axis must be computed from iota or be an input.'
        : 'Leave the axes it depends on unnamed.',
    );
  }
}

function sameAttribute(a: unknown, b: unknown): boolean {
  const [x, y] = [a, b] as [Partial<HostTensor>, Partial<HostTensor>];
  if (a === b) return true;
  if (x?.data && y?.data)
    return x.dtype === y.dtype && `${x.shape}` === `${y.shape}` && x.data.every((v, i) => v === y.data?.[i]);
  return JSON.stringify(a) === JSON.stringify(b);
}

function compareNames(base: Trace, other: Trace): void {
  for (const side of ['inputs', 'outputs'] as const) {
    const [a, b] = [base, other].map(({ graph }) => Object.keys(graph[side]).join(', '));
    if (a !== b) throw dynamicAxis(`The ${side} are ${a} at one size and ${b} at another.`);
  }
}

const describe = (node: Node | undefined, { sizes }: Trace): string =>
  node
    ? `${node.op.name} → ${formatType(firstOf(node))} (traced at ${JSON.stringify(sizes)})`
    : `nothing (traced at ${JSON.stringify(sizes)})`;

export const dynamicAxis = (message: string, hint?: string): EmuError =>
  new EmuError('DYNAMIC_AXIS', message, hint ? { hint } : {});

/** Axis names and samples that a fit can work with. */
export function checkAxes(axes: Readonly<Record<string, readonly number[]>>): void {
  for (const [axis, samples] of Object.entries(axes)) {
    const distinct = new Set(samples).size === samples.length;
    if (
      !/^\w+$/.test(axis) ||
      samples.length < 2 ||
      !distinct ||
      samples.some((n) => !Number.isInteger(n) || n < 2)
    )
      throw new ShapeError(
        `Axis '${axis}' needs a name of letters and at least two different sample sizes from 2, got [${samples}].`,
      );
  }
}
