import { byteSize, sizeOf } from '@emu-ts/base';
import { type Graph, inputName, type TensorType } from '@emu-ts/graph';

export const bytesOf = ({ shape, dtype }: TensorType): number => sizeOf(shape) * byteSize(dtype);

/**
 * The most bytes that intermediate results take at once when the nodes run in the graph's order and each result is
 * dropped after its last use. Inputs and constants are not counted; outputs are, from when they exist to the end, but for
 * those that overwrite an input.
 * @param inPlace names of such outputs
 */
export function peakBytes(graph: Graph, inPlace: ReadonlySet<string> = new Set()): number {
  const uses = new Map<unknown, number>();
  const use = (value: unknown) => uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const node of graph.nodes) for (const operand of Object.values(node.inputs)) use(operand);
  for (const output of Object.values(graph.outputs)) use(output);
  const overwriting = new Set(
    Object.entries(graph.outputs).flatMap(([name, value]) => (inPlace.has(name) ? [value] : [])),
  );
  const counted = new Map<unknown, number>();
  let [live, peak] = [0, 0];
  for (const node of graph.nodes) {
    const isInput = Object.values(node.outputs).some((value) => inputName(value) !== undefined);
    if (isInput || node.op.name === 'prim.constant') continue;
    for (const value of Object.values(node.outputs)) {
      if (!uses.has(value) || overwriting.has(value)) continue;
      counted.set(value, bytesOf(value));
      live += bytesOf(value);
    }
    peak = Math.max(peak, live);
    for (const operand of Object.values(node.inputs)) {
      const left = (uses.get(operand) ?? 0) - 1;
      uses.set(operand, left);
      if (left === 0) live -= counted.get(operand) ?? 0;
    }
  }
  return peak;
}
