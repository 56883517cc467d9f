import { EmuError } from '@emu-ts/base';
import {
  add,
  argmax,
  cast,
  div,
  equal,
  gather,
  iota,
  last,
  less,
  max,
  mul,
  reshape,
  slice,
  sub,
  sum,
  type Value,
  where,
  zerosLike,
} from '@emu-ts/graph';
import { crossEntropy, stopGradient } from '@emu-ts/nn';
import type { ParamTree } from '@emu-ts/params';

import type { BatchValues, Losses, Objective } from '../step/types.js';
import { betweenImageVariance } from './health.js';
import type { InterleavedModel } from './model.js';

export interface InterleavedOptions {
  /** Default 1; the run-time scalar `weight.text` of a batch multiplies it. */
  readonly textWeight?: number | undefined;
  /** Default 1; the run-time scalar `weight.image` of a batch multiplies it. 0: no image loss at all. */
  readonly imageWeight?: number | undefined;
  /** Images of a sequence whose losses are logged apart. Default 0: only the mean. */
  readonly imagesLogged?: number | undefined;
}

/**
 * The objective of Emu (Sun et al., "Generative Pretraining in Multimodality", 2023, section 2.3): predict the next
 * element of a sequence of text and images. Cross-entropy where it is a token, squared error where it is an image
 * embedding, the target being the input embedding at that position, detached: gradients reach the image encoder through
 * what the language model reads, never through what it is compared with.
 *
 * Batch: `ids` i32 [b t]; `mask` bool [b t], absent when rows are padded at the end only and nothing else; `slots` i32
 * [b t], the row of the batch's image embeddings [n · queries] that stands at a position, −1 for a token; `images` f32
 * [n 3 h w], or `image_embeddings` f32 [n queries width] where they are known; `text_inputs` i32 [m] positions in
 * [b · t] whose next token `text_labels` i32 [m] is asked for; `text_excluded` i32 [m k], tokens that are no choice there
 * (data that never shows something does not say that it cannot be); `regression_inputs` and `regression_labels` i32 [n
 * queries+1], positions in [b · t]; `image_index` i32 [n], which image of its sequence each is. −1 marks padding in all
 * of them. `sampled` i32 [n queries]: 1 where the model reads its own prediction instead of the image's embedding
 * (scheduled sampling, Bengio et al., 2015), which costs a second pass. `dropout` i32 [4], from `drawDropout`: what
 * low-rank updates do not see, where the model's configuration has a rate.
 */
export function interleavedObjective<T extends ParamTree>(
  model: Omit<InterleavedModel<T>, 'params'>,
  { textWeight = 1, imageWeight = 1, imagesLogged = 0 }: InterleavedOptions = {},
): Objective<T> {
  return (p, batch) => {
    const { ids, mask, dropout, slots, text_inputs, text_labels } = batch;
    if (!ids) throw new EmuError('OBJECTIVE', "The batch has no 'ids'.");
    const tokens = model.embedTokens(p, ids); // [b t d]
    const images = batch.image_embeddings ?? (batch.images && model.embedImages(p, batch.images)); // [n q d]
    if (images && !slots) throw new EmuError('OBJECTIVE', "The batch has images but no 'slots' for them.");
    const mixed = (visual: Value) => interleave(tokens, visual, slots);
    const pairs = images && imageWeight !== 0 && batch.regression_inputs ? batch : undefined;
    const regress = (hidden: Value) => model.regress(p, rowsAt(hidden, batch.regression_inputs));

    const embeddings = images ? mixed(images) : tokens;
    let hidden = model.read(p, embeddings, { mask, dropout });
    if (images && pairs && batch.sampled) {
      hidden = model.read(p, mixed(feedBack(images, regress(hidden), batch.sampled)), { mask, dropout });
    }

    const parts: Losses[] = [];
    if (text_inputs && text_labels) {
      const all = model.logits(p, rowsAt(hidden, text_inputs)); // [m v]
      const logits = batch.text_excluded ? without(all, batch.text_excluded) : all;
      parts.push(textLoss(logits, text_labels, weightOf(textWeight, batch['weight.text'])));
    }
    if (pairs) {
      const targets = rowsAt(stopGradient(embeddings), pairs.regression_labels); // [n·(q+1) d]
      const weight = weightOf(imageWeight, batch['weight.image']);
      parts.push(imageLoss(regress(hidden), targets, pairs, weight, imagesLogged));
    }
    const [first, ...others] = parts;
    if (!first) throw new EmuError('OBJECTIVE', 'The batch asks for nothing: neither text nor images.');
    const variance =
      images && batch.image_index ? betweenImageVariance(images, batch.image_index) : undefined;
    return {
      loss: others.reduce((total, { loss }) => add(total, loss), first.loss),
      metrics: Object.assign(
        {},
        ...parts.map(({ metrics }) => metrics),
        variance && { image_variance: variance },
      ),
    };
  };
}

/** Image embeddings [n q d] put in their places among tokens [b t d]. */
function interleave(tokens: Value, visual: Value, slots: Value): Value {
  const [n, q, d] = visual.shape;
  const isToken = reshape(less(slots, 0), [...slots.shape, 1]);
  return where(isToken, tokens, gather(reshape(visual, [n * q, d]), max(slots, 0)));
}

/** Rows of hidden states [b t d] at positions in [b · t] of any shape: [positions d]. */
function rowsAt(hidden: Value, positions: Value): Value {
  const flat = reshape(hidden, [-1, last(hidden)]);
  return gather(flat, max(reshape(positions, [-1]), 0));
}

/** Embeddings [n q d] with the model's own predictions [n·(q+1) d] where `sampled` [n q] says so. */
function feedBack(images: Value, predictions: Value, sampled: Value): Value {
  const [n, q, d] = images.shape;
  const predicted = slice(reshape(predictions, [n, q + 1, d]), 1, 0, q);
  return where(reshape(less(0, sampled), [n, q, 1]), stopGradient(predicted), images);
}

/** Logits [m v] of which those of `excluded` [m k] are as good as none. */
function without(logits: Value, excluded: Value): Value {
  const vocabulary = iota([1, last(logits)], 1);
  const [m, k] = excluded.shape;
  return Array.from({ length: k }, (_, i) => reshape(slice(excluded, 1, i, i + 1), [m, 1])).reduce(
    (kept, id) => where(equal(vocabulary, id), -1e4, kept),
    logits,
  );
}

const weightOf = (fixed: number, scheduled: Value | undefined): Value | number =>
  scheduled ? mul(scheduled, fixed) : fixed;

function textLoss(logits: Value, labels: Value, weight: Value | number): Losses {
  const asked = less(-1, labels);
  const loss = crossEntropy(logits, labels, asked);
  const right = sum(where(asked, cast(equal(argmax(logits, -1), labels), 'f32'), 0));
  const accuracy = div(right, max(sum(cast(asked, 'f32')), 1));
  return { loss: mul(loss, weight), metrics: { loss_text: loss, text_accuracy: accuracy } };
}

function imageLoss(
  predictions: Value,
  targets: Value,
  { regression_inputs, image_index }: BatchValues,
  weight: Value | number,
  logged: number,
): Losses {
  const error = sub(predictions, targets);
  const asked = cast(less(-1, regression_inputs), 'f32'); // [n q+1]
  const [n, pairs] = asked.shape;
  const squares = mul(reshape(sum(mul(error, error), -1), [n, pairs]), asked);
  const [perImage, elements] = [sum(squares, 1), mul(sum(asked, 1), last(error))]; // [n]
  const loss = div(sum(perImage), max(sum(elements), 1));
  const byIndex =
    logged && image_index
      ? Array.from({ length: logged }, (_, i) => {
          const chosen = equal(image_index, add(zerosLike(image_index), i));
          const of = (x: Value) => sum(where(chosen, x, 0));
          return [`loss_image_${i}`, div(of(perImage), of(elements))] as const;
        })
      : [];
  return { loss: mul(loss, weight), metrics: { loss_image: loss, ...Object.fromEntries(byIndex) } };
}
