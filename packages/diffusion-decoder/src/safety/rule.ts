import type { SafetyVerdict } from '@emu-ts/contracts';
import { roundHalfEven } from '../schedulers/timesteps.js';

/** Concepts as directions, `[count width]`, and how similar a picture may be to each, `[count]`. */
export interface Concepts {
  readonly embeddings: Float32Array;
  readonly thresholds: Float32Array;
}

/** A picture that shows a special concept is judged this much more strictly from then on. */
const strictness = 0.01;

/** Scores are compared with 0 after rounding to three decimals. */
const toThousandths = (x: number): number => roundHalfEven(x * 1000) / 1000;

/**
 * The rule of Stable Diffusion's safety checker for one picture's embedding `[width]`: the cosine to every concept less
 * its threshold; a picture is flagged when any of the (not special) concepts comes out above 0.
 */
export function judge(embedding: Float32Array, concepts: Concepts, specialCare: Concepts): SafetyVerdict {
  let adjustment = 0;
  similarities(embedding, specialCare.embeddings).forEach((cosine, i) => {
    if (toThousandths(cosine - specialCare.thresholds[i] + adjustment) > 0) adjustment = strictness;
  });
  const scores = similarities(embedding, concepts.embeddings).map((cosine, i) =>
    toThousandths(cosine - concepts.thresholds[i] + adjustment),
  );
  return { flagged: scores.some((score) => score > 0), scores };
}

/** Cosine to each row, as f32. */
function similarities(embedding: Float32Array, rows: Float32Array): number[] {
  const width = embedding.length;
  const length = Math.hypot(...embedding);
  return Array.from({ length: rows.length / width }, (_, r) => {
    const row = rows.subarray(r * width, (r + 1) * width);
    const product = row.reduce((sum, x, i) => sum + x * embedding[i], 0);
    return Math.fround(product / (length * Math.hypot(...row)));
  });
}
