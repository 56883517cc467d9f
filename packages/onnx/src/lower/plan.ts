/** How one composite op runs: as native operators, or through its decomposition and why. */
export type PlanEntry =
  | { readonly op: string; readonly becomes: string }
  | { readonly op: string; readonly reason: string };

/**
 * One line per op and way it runs:
 *
 *     nn.linear ×12 as Gemm
 *     nn.layer_norm ×2 decomposed: mean, rstd are read
 */
export function formatPlan(entries: readonly PlanEntry[]): string {
  const counts = new Map<string, { op: string; how: string; count: number }>();
  for (const entry of entries) {
    const how = 'becomes' in entry ? `as ${entry.becomes}` : `decomposed: ${entry.reason}`;
    const line = counts.get(`${entry.op} ${how}`) ?? { op: entry.op, how, count: 0 };
    line.count++;
    counts.set(`${entry.op} ${how}`, line);
  }
  return [...counts.values()]
    .map(({ op, how, count }) => `${op} ×${count} ${how}`)
    .sort()
    .join('\n');
}
