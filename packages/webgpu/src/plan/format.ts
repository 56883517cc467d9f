import { formatWays } from '@emu-ts/graph';
import type { PlanEntry } from './select.js';

/**
 * One line per op and way it runs:
 *
 *     attention.sdpa ×40 decomposed: attention.sdpa flash: head size 600 > 512
 *     nn.linear ×12 by nn.linear tiled vec4
 *     prim.add ×3 by prim.add (prim.add vec4: the size does not divide by 4)
 *     example.swiglu ×2 fuses nn.linear ×2, nn.silu, prim.mul
 *     example.swiglu ×1 not fused: example.swiglu few rows: 9 rows > 8
 */
export const formatPlan = (entries: readonly PlanEntry[]): string =>
  formatWays(entries.map((entry) => ({ op: entry.op, how: wayOf(entry) })));

function wayOf(entry: PlanEntry): string {
  if ('parts' in entry) return `fuses ${counted(entry.parts)}`;
  if ('reason' in entry) return `${entry.unfused ? 'not fused' : 'decomposed'}: ${entry.reason}`;
  return `by ${entry.kernel}${entry.refused.length ? ` (${entry.refused.join('; ')})` : ''}`;
}

function counted(parts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const part of parts) counts.set(part, (counts.get(part) ?? 0) + 1);
  return [...counts]
    .map(([part, count]) => (count > 1 ? `${part} ×${count}` : part))
    .sort()
    .join(', ');
}
