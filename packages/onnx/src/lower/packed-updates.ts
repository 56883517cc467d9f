import { sizeOf } from '@emu-ts/base';
import { concat, type Graph, graphOf, type Node, reshape, slice, type Value } from '@emu-ts/graph';

/**
 * One update for all small parameters of an optimiser. AdamW takes fourteen operators for every parameter, and for biases and
 * norms it is not their elements that take time, but their number: a model has as many of those as it has matrices. Packed
 * into one vector, which costs little where they are small, they take fourteen together.
 */
export function packedUpdates(graph: Graph): Graph {
  const read = new Set(graph.nodes.flatMap(({ inputs }) => Object.values(inputs)));
  const groups = new Map<string, Node[]>();
  const ids = new Map<Value, number>();
  for (const node of graph.nodes) {
    const { param } = node.inputs;
    const small = node.op.name === update && param.shape.length > 0 && sizeOf(param.shape) <= fewElements;
    if (!small || Object.values(node.outputs).some((output) => read.has(output))) continue;
    const shared = Object.values(node.inputs).filter(({ shape }) => !shape.length);
    for (const value of shared) ids.set(value, ids.get(value) ?? ids.size);
    const key = `${shared.map((value) => ids.get(value))} ${JSON.stringify(node.attrs)}`;
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  const packed = new Map([...groups.values()].filter(({ length }) => length > 1).flatMap(pack));
  const outputs = Object.entries(graph.outputs).map(([name, value]) => [name, packed.get(value) ?? value]);
  return packed.size ? graphOf(Object.fromEntries(outputs)) : graph;
}

/** Matched by name, as lowerings are. */
const update = 'training.adamw';

/** A vector of more takes longer to pack than to update. */
const fewElements = 4096;

/** What takes the place of each output. */
function pack(nodes: readonly Node[]): (readonly [Value, Value])[] {
  const [{ op, inputs, attrs }] = nodes;
  const flat = (name: string) =>
    concat(
      nodes.map((node) => reshape(node.inputs[name], [sizeOf(node.inputs[name].shape)])),
      0,
    );
  const all = op(
    Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [name, value.shape.length ? flat(name) : value]),
    ),
    attrs,
  );
  let start = 0;
  return nodes.flatMap(({ outputs, inputs: { param } }) => {
    const [from, end] = [start, start + sizeOf(param.shape)];
    start = end;
    return Object.entries(outputs).map(
      ([name, output]) => [output, reshape(slice(all[name], 0, from, end), output.shape)] as const,
    );
  });
}
