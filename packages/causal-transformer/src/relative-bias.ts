import { literal, reshape, transpose, type Value } from '@emu-ts/graph';
import { type EmbeddingTree, embedding } from '@emu-ts/nn';
import type { Params } from '@emu-ts/params';
import type { CausalTransformerConfig } from './config.js';

/**
 * T5's rule for looking back (Raffel et al., 2020, section 2.1): near distances have a bucket of their own, far ones
 * share buckets that widen logarithmically up to `maxDistance`; positions ahead share bucket 0 with one's own, and
 * are masked.
 */
export function bucketOf(
  distance: number,
  { buckets, maxDistance }: Pick<CausalTransformerConfig, 'buckets' | 'maxDistance'>,
): number {
  const back = Math.max(distance, 0);
  const exact = Math.floor(buckets / 2);
  if (back < exact) return back;
  const share = Math.log(back / exact) / Math.log(maxDistance / exact);
  return Math.min(exact + Math.trunc(share * (buckets - exact)), buckets - 1);
}

/** One bias per head, query and key, [1 heads t t], from the table [buckets heads] that all blocks share. */
export function relativeBias(p: Params<EmbeddingTree>, t: number, config: CausalTransformerConfig): Value {
  const ids = Array.from({ length: t * t }, (_, i) => bucketOf(Math.floor(i / t) - (i % t), config));
  const byPair = embedding(p, literal('i32', [t, t], ids)); // [t t heads]
  return reshape(transpose(byPair, [2, 0, 1]), [1, config.heads, t, t]);
}
