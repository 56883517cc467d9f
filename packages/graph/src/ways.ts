/** How an executor runs one composite op, in words. */
export interface Way {
  readonly op: string;
  readonly how: string;
}

/** One line per op and way it runs, such as `nn.gelu ×3 decomposed: no kernel`, in alphabetical order. */
export function formatWays(ways: readonly Way[]): string {
  const counts = new Map<string, Way & { count: number }>();
  for (const { op, how } of ways) {
    const key = `${op} ${how}`;
    counts.set(key, { op, how, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()]
    .map(({ op, how, count }) => `${op} ×${count} ${how}`)
    .sort()
    .join('\n');
}
