/** Indices of the `n` largest scores, largest first; of equals, the lower index first. Fewer when there are fewer. */
export function topN(scores: Float32Array, n: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    if (best.length === n && !(scores[i] > scores[best[n - 1]])) continue;
    let at = Math.min(best.length, n - 1);
    for (; at > 0 && scores[i] > scores[best[at - 1]]; at--) best[at] = best[at - 1];
    best[at] = i;
  }
  return best;
}
