import { cast, div, less, max, mul, reshape, sub, sum, type Value } from '@emu-ts/graph';
import { stopGradient } from '@emu-ts/nn';

/**
 * How much image embeddings [n queries width] differ from one image to the next: the variance over images of each
 * element, averaged. When the image loss collapses the embeddings to a constant, this falls to 0.
 * @param index i32 [n], negative for rows that hold no image
 */
export function betweenImageVariance(embeddings: Value, index: Value): Value {
  const [n, queries, width] = embeddings.shape;
  const x = stopGradient(cast(embeddings, 'f32'));
  const real = reshape(cast(less(-1, index), 'f32'), [n, 1, 1]);
  const count = max(sum(real), 1);
  const centre = div(sum(mul(x, real), 0, true), count);
  const off = mul(sub(x, centre), real);
  return div(sum(mul(off, off)), mul(count, queries * width));
}
