import type { PlanEntry } from './select.js';

/**
 * One line per op and way it runs:
 *
 *     attention.sdpa ×40 decomposed: attention.sdpa flash: head size 600 > 512
 *     nn.linear ×12 by nn.linear tiled vec4
 *     prim.add ×3 by prim.add (prim.add vec4: the size does not divide by 4)
 */
export function formatPlan(entries: readonly PlanEntry[]): string {
  const counts = new Map<string, number>();
  for (const entry of entries) {
    const how =
      'kernel' in entry
        ? `by ${entry.kernel}${entry.refused.length ? ` (${entry.refused.join('; ')})` : ''}`
        : `decomposed: ${entry.reason}`;
    const key = `${entry.op}\0${how}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts]
    .map(([key, count]) => {
      const [op, how] = key.split('\0');
      return `${op} ×${count} ${how}`;
    })
    .sort()
    .join('\n');
}
