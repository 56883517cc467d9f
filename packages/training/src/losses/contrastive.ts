import { ShapeError } from '@emu-ts/base';
import {
  add,
  argmax,
  cast,
  dims,
  div,
  equal,
  exp,
  formatType,
  gather,
  iota,
  matmul,
  max,
  mean,
  min,
  mul,
  neg,
  reshape,
  rsqrt,
  sum,
  swapLast,
  type Value,
} from '@emu-ts/graph';
import { logSoftmax } from '@emu-ts/nn';
import type { Params, ParamTree } from '@emu-ts/params';
import type { Losses, Objective } from '../step/types.js';

/** Rows of unit length. */
export const normalize = (x: Value): Value => mul(x, rsqrt(max(sum(mul(x, x), -1, true), 1e-24)));

export interface ContrastiveInputs {
  /** [b d], of any length */
  readonly images: Value;
  /** [b d], row i belongs to image i */
  readonly texts: Value;
  /** Scalar: the log of the factor on cosines; the factor is kept at 100 or less. */
  readonly logScale: Value;
  /** i32 [b]: rows with equal numbers have the same text, and are right for each other. Default: all differ. */
  readonly groups?: Value | undefined;
}

/**
 * Which text belongs to which image, both ways round (Radford et al., "Learning Transferable Visual Models From Natural
 * Language Supervision", 2021, figure 3). Equal texts in one batch share their probability.
 */
export function contrastiveLoss({ images, texts, logScale, groups }: ContrastiveInputs): Losses {
  const { b, d } = dims(images, 'b d');
  if (texts.shape.join() !== `${b},${d}`)
    throw new ShapeError(`contrastive: images are ${formatType(images)}, texts ${formatType(texts)}.`);
  const scale = min(exp(logScale), 100);
  const cosines = matmul(normalize(images), swapLast(normalize(texts))); // [images texts]
  const logits = mul(cosines, scale);
  const labels = groups ?? iota([b], 0);
  const same = cast(equal(reshape(labels, [b, 1]), reshape(labels, [1, b])), 'f32'); // [b b]
  const targets = div(same, sum(same, -1, true));
  const direction = (scores: Value) => neg(mean(sum(mul(targets, logSoftmax(scores)), -1)));
  const found = gather(labels, argmax(logits, -1)); // the group of the text that each image takes
  return {
    loss: mul(add(direction(logits), direction(swapLast(logits))), 0.5),
    metrics: { contrastive_accuracy: mean(cast(equal(found, labels), 'f32')), logit_scale: scale },
  };
}

/** Two towers over one parameter tree. */
export interface ContrastiveModel<T extends ParamTree> {
  readonly params: T;
  /** pixels f32 [b 3 h w] → [b d] */
  imageFeatures(p: Params<T>, pixels: Value): Value;
  /** ids i32 [b t], padded at the end, and the position of each row's last token i32 [b] → [b d] */
  textFeatures(p: Params<T>, ids: Value, ends: Value): Value;
  /** A scalar. */
  logScale(p: Params<T>): Value;
}

/** Batch: `images` f32 [b 3 h w], `ids` i32 [b t], `ends` i32 [b], and `groups` i32 [b] where texts may repeat. */
export const contrastiveObjective =
  <T extends ParamTree>(model: Omit<ContrastiveModel<T>, 'params'>): Objective<T> =>
  (p, { images, ids, ends, groups }) =>
    contrastiveLoss({
      images: model.imageFeatures(p, images),
      texts: model.textFeatures(p, ids, ends),
      logScale: model.logScale(p),
      groups,
    });
