import { formatWays } from '@emu-ts/graph';

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
export const formatPlan = (entries: readonly PlanEntry[]): string =>
  formatWays(
    entries.map((entry) => ({
      op: entry.op,
      how: 'becomes' in entry ? `as ${entry.becomes}` : `decomposed: ${entry.reason}`,
    })),
  );
