import type { CausalTransformerModel, VisualEncoderModel } from '@emu-ts/contracts';
import {
  add,
  cast,
  div,
  equal,
  exp,
  expectShape,
  less,
  log,
  max,
  mean,
  mul,
  neg,
  sub,
  sum,
  type Value,
} from '@emu-ts/graph';
import { linear, linearParams } from '@emu-ts/nn';
import type { Params, ParamTree } from '@emu-ts/params';
import { mergeTrees, part } from '../objective/compose.js';
import type { Losses, Objective } from '../step/types.js';

/**
 * Which of several properties an image has, each asked by itself: the mean binary cross-entropy over the tags that are
 * known, log(1 + e^−|x|) + max(x, 0) − x · y.
 * @param logits [b c]; @param tags f32 [b c]: 1 yes, 0 no, negative unknown
 */
export function taggingLoss(logits: Value, tags: Value): Losses {
  expectShape('tagging', 'tags', tags, logits.shape);
  const known = cast(less(-0.5, tags), 'f32');
  const positive = max(logits, 0);
  const magnitude = max(logits, neg(logits));
  const entropy = add(log(add(exp(neg(magnitude)), 1)), sub(positive, mul(logits, tags)));
  const count = max(sum(known), 1);
  const right = cast(equal(cast(less(0, logits), 'f32'), cast(less(0.5, tags), 'f32')), 'f32');
  return {
    loss: div(sum(mul(entropy, known)), count),
    metrics: { tag_accuracy: div(sum(mul(right, known)), count) },
  };
}

/** Batch: `images` f32 [b 3 h w], `tags` f32 [b c]. */
export const taggingObjective =
  <T extends ParamTree>(logits: (p: Params<T>, pixels: Value) => Value): Objective<T> =>
  (p, { images, tags }) =>
    taggingLoss(logits(p, images), tags);

/** Pictures to a logit for each tag. */
export interface TaggingModel<T extends ParamTree> {
  readonly params: T;
  /** pixels f32 [b 3 h w] → [b tags] */
  logits(p: Params<T>, pixels: Value): Value;
}

/**
 * A linear probe on the mean of the image embeddings: what it can read, the language model can. It is thrown away
 * afterwards.
 * @param options.name of the probe's weights, `tagging.NAME.weight` and `.bias`
 */
export function tagModel<V extends ParamTree, C extends ParamTree>(
  visualEncoder: VisualEncoderModel<V>,
  causalTransformer: CausalTransformerModel<C>,
  { tags, name }: { readonly tags: number; readonly name: string },
): TaggingModel<ParamTree> {
  const probe = { tagging: { [name]: linearParams(causalTransformer.outputWidth, tags) } };
  return {
    params: mergeTrees([visualEncoder.params, causalTransformer.params, probe]),
    logits(p, pixels) {
      const features = visualEncoder.forward(part<V>(p), pixels); // [b n c]
      const embeddings = causalTransformer.forward(part<C>(p), features); // [b queries d]
      return linear(part<typeof probe>(p).tagging[name], mean(embeddings, 1));
    },
  };
}
