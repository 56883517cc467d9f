import {
  type AnyOp,
  checkDonation,
  type Graph,
  graphOf,
  inputName,
  primitives,
  type Value,
} from '@emu-ts/graph';

/** Updates that are written into a donated input after the run, in this order. */
export interface InPlace {
  readonly input: string;
  readonly output: string;
  /** Names of the hidden outputs that hold what is written, and where. */
  readonly updates: readonly { readonly update: string; readonly start: string; readonly axis: number }[];
}

export interface Donation {
  /** The graph to lower: hidden outputs in place of those written in place. */
  readonly graph: Graph;
  readonly inPlace: readonly InPlace[];
  /** Input → output for the others: the new tensor takes the old one's place. */
  readonly swapped: Readonly<Record<string, string>>;
}

/**
 * State that only grows a slice per run (a KV cache) stays where it is: the program hands out the slice, and the
 * executor writes it into the state's own memory once the run has succeeded. Any other state (parameters after an
 * optimiser step) comes back as a new tensor and the old one is freed.
 */
export function planDonation(graph: Graph, donate: Readonly<Record<string, string>>): Donation {
  checkDonation(graph, donate);
  const outputs: Record<string, Value> = { ...graph.outputs };
  const inPlace: InPlace[] = [];
  const swapped: Record<string, string> = {};
  for (const [input, output] of Object.entries(donate)) {
    const chain = updatesOf(graph.outputs[output], input);
    if (!chain) {
      swapped[input] = output;
      continue;
    }
    delete outputs[output];
    const updates = chain.map(({ update, start, axis }, i) => {
      const names = { update: `${output}.update.${i}`, start: `${output}.start.${i}` };
      outputs[names.update] = update;
      outputs[names.start] = start;
      return { ...names, axis };
    });
    inPlace.push({ input, output, updates });
  }
  return { graph: graphOf(outputs), inPlace, swapped };
}

interface Update {
  readonly update: Value;
  readonly start: Value;
  readonly axis: number;
}

/** The slice updates that lead from an input to a value, oldest first; undefined when anything else lies between. */
function updatesOf(value: Value, input: string): Update[] | undefined {
  const updates: Update[] = [];
  let current = value;
  while (current.node.op === (primitives.update_slice as AnyOp)) {
    const { x, update, start } = current.node.inputs;
    updates.unshift({ update, start, axis: current.node.attrs.axis as number });
    current = x;
  }
  return updates.length && inputName(current) === input ? updates : undefined;
}
