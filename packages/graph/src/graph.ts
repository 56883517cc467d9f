import { EmuError } from '@emu-ts/base';
import type { Node, Value } from './value.js';

/** What executors run: named outputs, the inputs they reach, and the nodes between in an order that can be run. */
export interface Graph {
  readonly inputs: Readonly<Record<string, Value>>;
  readonly outputs: Readonly<Record<string, Value>>;
  readonly nodes: readonly Node[];
}

/** The name of a value made by `input(name, …)`, or undefined for any other value. */
export const inputName = (value: Value): string | undefined =>
  value.node.op.name === 'prim.input' ? (value.node.attrs.name as string) : undefined;

/**
 * Collects everything the outputs depend on. Calling a model function on `input(…)` values and handing its results
 * here is all there is to tracing.
 */
export function graphOf(outputs: Readonly<Record<string, Value>>): Graph {
  const nodes = topological(Object.values(outputs));
  const inputs: Record<string, Value> = {};
  for (const node of nodes) {
    if (node.op.name !== 'prim.input') continue;
    const name = node.attrs.name as string;
    if (inputs[name])
      throw new EmuError('DUPLICATE_INPUT', `Two different inputs of this graph are named '${name}'.`);
    inputs[name] = node.outputs.value;
  }
  return { inputs, outputs, nodes };
}

/** The nodes that `values` depend on, each after its inputs. Iterative: graphs are deeper than the call stack. */
export function topological(values: Iterable<Value>, leaves: ReadonlySet<Value> = new Set()): Node[] {
  const order: Node[] = [];
  const done = new Set<Node>();
  const stack: { node: Node; entered: boolean }[] = [];
  const visit = (value: Value) => {
    if (!leaves.has(value) && !done.has(value.node)) stack.push({ node: value.node, entered: false });
  };
  for (const value of values) {
    visit(value);
    while (stack.length) {
      const top = stack[stack.length - 1];
      if (done.has(top.node)) stack.pop();
      else if (top.entered) {
        stack.pop();
        done.add(top.node);
        order.push(top.node);
      } else {
        top.entered = true;
        for (const operand of Object.values(top.node.inputs).reverse()) visit(operand);
      }
    }
  }
  return order;
}
