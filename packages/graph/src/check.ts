import { EmuError } from '@emu-ts/base';
import type { Graph } from './graph.js';
import type { AnyOp } from './op.js';
import { formatType, sameType, type TensorType } from './value.js';

/**
 * Re-infers every node and makes sure the graph is whole: every operand is computed before it is used, and no two op
 * objects share a name (which means that two copies of a package are installed). Throws `EmuError` naming the node.
 */
export function check(graph: Graph): Graph {
  const ops = new Map<string, AnyOp>();
  const computed = new Set<unknown>();
  for (const node of graph.nodes) {
    const { op, inputs, attrs, outputs } = node;
    const other = ops.get(op.name);
    if (other && other !== op) {
      throw new EmuError('DUPLICATE_OP', `Two different ops named ${op.name} meet in one graph.`, {
        hint: 'Two copies of a package are installed: keep one.',
      });
    }
    ops.set(op.name, op);
    for (const [name, operand] of Object.entries(inputs)) {
      if (!computed.has(operand)) {
        throw new EmuError('GRAPH_ORDER', `Operand '${name}' of ${op.name} is used before it is computed.`);
      }
    }
    const types = op.infer(inputs, attrs) as Record<string, TensorType>;
    for (const [name, value] of Object.entries(outputs)) {
      if (!sameType(types[name], value)) {
        throw new EmuError(
          'GRAPH_TYPE',
          `Output '${name}' of ${op.name} is ${formatType(value)}, its rule says ${formatType(types[name])}.`,
        );
      }
      computed.add(value);
    }
  }
  return graph;
}
