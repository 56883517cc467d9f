import { dims, expectShape, less, slice, type Value } from '@emu-ts/graph';
import { crossEntropy } from '@emu-ts/nn';

/**
 * The mean negative log-likelihood of the next token over the positions where one is asked for; a scalar. Labels are not
 * shifted: the logits at i − 1 have to predict `labels[i]`.
 *
 * @param logits [b t vocabSize]
 * @param labels i32 [b t], negative where nothing is asked
 */
export function textLoss(logits: Value, labels: Value): Value {
  const { b, t } = dims(logits, 'b t v');
  expectShape('textLoss', 'labels', labels, [b, t]);
  const targets = slice(labels, 1, 1, t);
  return crossEntropy(slice(logits, 1, 0, t - 1), targets, less(-1, targets));
}
