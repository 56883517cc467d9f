import type { Graph } from './graph.js';
import { inputName } from './graph.js';
import { formatType, type Node, type Value } from './value.js';

/**
 * A graph as text, one node a line:
 *
 *     (x: f32[2,3]) {
 *       %0 = nn.softmax(x) : f32[2,3]
 *     } -> y: %0
 */
export function print(graph: Graph): string {
  const names = new Map<Value, string>();
  let next = 0;
  const lines: string[] = [];
  for (const node of graph.nodes) {
    for (const value of Object.values(node.outputs)) {
      const scalar = node.op.name === 'prim.full' && !value.shape.length;
      names.set(value, inputName(value) ?? (scalar ? String(node.attrs.value) : `%${next++}`));
    }
    const [value] = Object.values(node.outputs);
    if (inputName(value) === undefined && names.get(value)?.startsWith('%'))
      lines.push(`  ${line(node, names)}`);
  }
  const inputs = Object.entries(graph.inputs).map(([name, value]) => `${name}: ${formatType(value)}`);
  const outputs = Object.entries(graph.outputs).map(([name, value]) => `${name}: ${names.get(value)}`);
  return `(${inputs.join(', ')}) {\n${lines.join('\n')}\n} -> ${outputs.join(', ')}`;
}

function line(node: Node, names: ReadonlyMap<Value, string>): string {
  const outputs = Object.values(node.outputs);
  const left = outputs.map((value) => names.get(value)).join(', ');
  const operands = Object.values(node.inputs).map((value) => names.get(value));
  const attrs = Object.entries(node.attrs)
    .filter(([name]) => name !== 'tensor')
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `${left} = ${node.op.name}(${[...operands, ...attrs].join(', ')}) : ${outputs.map(formatType).join(', ')}`;
}
