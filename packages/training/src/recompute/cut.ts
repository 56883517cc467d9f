import { byteSize, isFloat, sizeOf } from '@emu-ts/base';
import type { Node, Value } from '@emu-ts/graph';

/** Where a forward pass is cut: after which node, and the values that later nodes still need. */
export interface Cut {
  readonly position: number;
  readonly live: readonly Value[];
}

const bytes = ({ shape, dtype }: Value): number => sizeOf(shape) * byteSize(dtype);

/**
 * Divides a forward pass into `segments` of about equal activation memory. Each cut lies where the fewest bytes cross:
 * for a stack of blocks that is the residual stream between two of them.
 *
 * @param nodes in the order in which they run
 * @param active the nodes whose outputs are activations: they depend on something trained
 */
export function cutForward(nodes: readonly Node[], active: ReadonlySet<Node>, segments: number): Cut[] {
  const lastUse = new Map<Value, number>();
  nodes.forEach((node, i) => {
    for (const operand of Object.values(node.inputs)) lastUse.set(operand, i);
  });
  const activations = (node: Node) =>
    active.has(node) ? Object.values(node.outputs).filter((v) => isFloat(v.dtype) && lastUse.has(v)) : [];

  const [done, crossing]: [number[], number[]] = [[], []];
  const leaving = new Map<number, number>();
  let [total, live] = [0, 0];
  nodes.forEach((node, i) => {
    for (const value of activations(node)) {
      const size = bytes(value);
      total += size;
      live += size;
      const end = lastUse.get(value) as number;
      leaving.set(end, (leaving.get(end) ?? 0) + size);
    }
    live -= leaving.get(i) ?? 0;
    done.push(total);
    crossing.push(live);
  });

  const cuts: Cut[] = [];
  for (let k = 1; k < segments; k++) {
    const target = (total * k) / segments;
    const reach = total / segments / 2;
    let best = -1;
    for (let i = (cuts.at(-1)?.position ?? -1) + 1; i < nodes.length - 1; i++) {
      const distance = Math.abs(done[i] - target);
      if (distance > reach) continue;
      const better =
        best < 0 ||
        crossing[i] < crossing[best] ||
        (crossing[i] === crossing[best] && distance < Math.abs(done[best] - target));
      if (better) best = i;
    }
    if (best < 0) continue;
    const values = nodes.slice(0, best + 1).flatMap(activations);
    cuts.push({ position: best, live: values.filter((value) => (lastUse.get(value) as number) > best) });
  }
  return cuts;
}
