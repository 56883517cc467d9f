/** log Σ exp(x), summed in f64. */
export function logSumExp(scores: Float32Array): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) if (scores[i] > top) top = scores[i];
  if (top === Number.NEGATIVE_INFINITY) return top;
  let total = 0;
  for (let i = 0; i < scores.length; i++) total += Math.exp(scores[i] - top);
  return top + Math.log(total);
}

/** Log-probabilities, rounded to f32, as a new array. */
export function logSoftmax(logits: Float32Array): Float32Array {
  const total = logSumExp(logits);
  const out = new Float32Array(logits.length);
  for (let i = 0; i < out.length; i++) out[i] = logits[i] - total;
  return out;
}
