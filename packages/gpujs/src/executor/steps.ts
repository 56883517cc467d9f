import { type Graph, inputName, primitiveName, type Value } from '@emu-ts/graph';
import type { Lowered } from '../kernel/call.js';
import { lowerings } from '../lower/index.js';
import type { Lower } from '../lower/lower.js';
import type { Prepared } from './prepare.js';

/** What computes one value. */
export interface Step {
  /** The op, for errors and plans. */
  readonly name: string;
  readonly value: Value;
  readonly lowered: Lowered;
}

export interface Steps {
  readonly steps: readonly Step[];
  /** Inputs of the graph that something reads. */
  readonly inputs: ReadonlyMap<string, Value>;
  /** How many steps and outputs read each value. */
  readonly uses: ReadonlyMap<Value, number>;
}

/** Lowers a prepared graph, and keeps what its outputs need: a kernel may read past the node before it. */
export function planSteps({ graph, kernels }: Prepared): Steps {
  const steps: Step[] = [];
  const inputs = new Map<string, Value>();
  for (const node of graph.nodes) {
    const { op, outputs } = node;
    const primitive = primitiveName(op);
    const kernel = kernels.get(node);
    for (const [output, value] of Object.entries(outputs)) {
      const name = inputName(value);
      if (name !== undefined) inputs.set(name, value);
      else if (primitive)
        steps.push({ name: op.name, value, lowered: (lowerings[primitive] as Lower)(node) });
      else if (kernel?.outputs.has(output))
        steps.push({ name: kernel.name, value, lowered: { call: kernel.call(node, output) } });
    }
  }
  return { ...live(graph, steps), inputs };
}

/** The steps that the outputs depend on, found from last to first. */
function live(graph: Graph, steps: readonly Step[]): Pick<Steps, 'steps' | 'uses'> {
  const uses = new Map<Value, number>();
  const use = (value: Value) => uses.set(value, (uses.get(value) ?? 0) + 1);
  for (const value of Object.values(graph.outputs)) use(value);
  const kept = steps.toReversed().filter(({ value, lowered }) => {
    if (!uses.has(value)) return false;
    for (const operand of operandsOf(lowered)) use(operand);
    return true;
  });
  return { steps: kept.reverse(), uses };
}

/** The values that a step reads, on the device or on the host. */
export function operandsOf(lowered: Lowered): readonly Value[] {
  if ('alias' in lowered) return [lowered.alias];
  return 'call' in lowered ? [...lowered.call.operands, ...(lowered.call.host?.operands ?? [])] : [];
}
