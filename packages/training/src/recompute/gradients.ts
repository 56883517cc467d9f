import { add, full, type Node, pullback, reapply, topological, type Value } from '@emu-ts/graph';
import { type Cut, cutForward } from './cut.js';
import { after } from './op.js';

/**
 * Gradients that keep few activations (Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016): the forward
 * pass is cut into segments, only what crosses a cut is kept, and each segment is computed again when the backward pass
 * reaches it. With one segment this is plain differentiation.
 *
 * @param wrt inputs of the graph
 * @param batch the other inputs that the forward pass starts from
 * @returns one gradient for each `wrt`, undefined where the loss does not depend on it
 */
export function gradientsBySegments(
  loss: Value,
  wrt: readonly Value[],
  { segments, batch = [] }: { readonly segments: number; readonly batch?: readonly Value[] },
): (Value | undefined)[] {
  const nodes = topological([loss]);
  const cuts = segments > 1 ? cutForward(nodes, dependents(nodes, wrt), segments) : [];
  const gradients: (Value | undefined)[] = wrt.map(() => undefined);
  let seeds: (readonly [Value, Value])[] = [[loss, full([], 1, loss.dtype)]];
  for (let k = cuts.length; k >= 0; k--) {
    const start: Cut = cuts[k - 1] ?? { position: -1, live: [] };
    // The last segment's activations are still there; the others are computed again, starting from what was kept.
    const again =
      k === cuts.length
        ? new Map<Value, Value>()
        : recompute(
            nodes.slice(start.position + 1, cuts[k].position + 1),
            [...start.live, ...batch],
            seeds[0][1],
          );
    const follow = (value: Value) => again.get(value) ?? value;
    const pulled = pullback(
      seeds.map(([value, cotangent]) => [follow(value), cotangent] as const),
      [...wrt, ...start.live.map(follow)],
    );
    wrt.forEach((_, i) => {
      const [sum, part] = [gradients[i], pulled[i]];
      gradients[i] = sum && part ? add(sum, part) : (sum ?? part);
    });
    seeds = start.live.flatMap((value, i) => {
      const cotangent = pulled[wrt.length + i];
      return cotangent ? [[value, cotangent] as const] : [];
    });
    if (!seeds.length) break;
  }
  return gradients;
}

/** The nodes once more, on the kept values, to run only after `token` is known. */
function recompute(nodes: readonly Node[], kept: readonly Value[], token: Value): Map<Value, Value> {
  const again = new Map(kept.map((value) => [value, after(value, token)] as const));
  for (const node of nodes) {
    const inputs = Object.fromEntries(
      Object.entries(node.inputs).map(([name, value]) => [name, again.get(value) ?? value]),
    );
    const outputs = reapply(node, inputs);
    if (outputs === node.outputs) continue;
    for (const [name, value] of Object.entries(node.outputs)) again.set(value, outputs[name]);
  }
  return again;
}

function dependents(nodes: readonly Node[], wrt: readonly Value[]): Set<Node> {
  const found = new Set(wrt.map(({ node }) => node));
  for (const node of nodes) {
    if (Object.values(node.inputs).some((operand) => found.has(operand.node))) found.add(node);
  }
  for (const { node } of wrt) found.delete(node);
  return found;
}
