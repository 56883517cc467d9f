import { dims, expectShape, type Value } from '@emu-ts/graph';
import { meanSquaredError, stopGradient } from '@emu-ts/nn';

/**
 * Squared error of predicted image embeddings, averaged over all elements; a scalar. For an image of n embeddings there
 * are n + 1 pairs: what the head says at `[IMG]` and at every `<image>`, against the input embedding one position
 * later (z₁ … zₙ, then the row of `[/IMG]`). Targets are constants: the image encoder learns from what it feeds the
 * language model, never from making itself easy to predict.
 *
 * @param predicted f32 [pairs width]
 * @param embeddings f32 [pairs width], the input embeddings at the label positions
 */
export function regressionLoss(predicted: Value, embeddings: Value): Value {
  const { pairs, width } = dims(predicted, 'pairs width');
  expectShape('regressionLoss', 'embeddings', embeddings, [pairs, width]);
  return meanSquaredError(predicted, stopGradient(embeddings));
}
