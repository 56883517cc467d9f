import { ShapeError } from '@emu-ts/base';
import {
  add,
  argmax,
  cast,
  concat,
  defineOp,
  dims,
  div,
  equal,
  iota,
  less,
  maxReduce,
  mul,
  reshape,
  sum,
  type Value,
  where,
} from '@emu-ts/graph';
import { logSoftmax, maskValue } from '@emu-ts/nn';
import { expectDType, expectIndices } from '../operands.js';

export type ContinuationsAttrs = {
  /** Continuations to name for every prompt. */
  readonly count: number;
  /** Above 0: negative log-probabilities of what was seen are multiplied by it. 1 for none. */
  readonly penalty: number;
};

/** Below every score. */
const lowest = -3.4e38;

/**
 * The best continuations of the beams of p prompts by one of v tokens, best first, as the beam search of this package
 * finds them on the host: log p of the token, less likely where the beam has `seen` it, plus the beam's score. Of equals,
 * the first beam's first token comes first.
 *
 * logits f32 [p b v], or [p 1 v] where the beams of a prompt say the same; scores f32 [p b]; seen i32 [p b m], ids or −1;
 * forbidden i32 [e], ids or −1 → score f32 [p count] and place i32 [p count], which is beam · v + token.
 */
export const continuationsOp = defineOp({
  name: 'language_model.continuations',
  inputs: ['logits', 'scores', 'seen?', 'forbidden?'],
  outputs: ['score', 'place'],
  infer({ logits, scores, seen, forbidden }, { count, penalty }: ContinuationsAttrs) {
    const { p, s, v } = dims(logits, 'p s v');
    const { b } = dims(scores, `${p} b`);
    if (s !== b && s !== 1)
      throw new ShapeError(`language_model.continuations: ${b} beams, but logits of ${s} for a prompt.`);
    expectDType('language_model.continuations', 'f32', { logits, scores });
    if (seen) {
      const { m } = dims(seen, 'p b m');
      expectIndices('language_model.continuations', 'seen', seen, [p, b, m]);
    }
    if (forbidden) {
      const { e } = dims(forbidden, 'e');
      expectIndices('language_model.continuations', 'forbidden', forbidden, [e]);
    }
    if (!Number.isInteger(count) || count < 1 || count > b * v || !(penalty > 0))
      throw new ShapeError(
        `language_model.continuations: 1..${b * v} continuations and a penalty above 0 are wanted, got ${count} and ${penalty}.`,
      );
    return { score: { shape: [p, count], dtype: 'f32' }, place: { shape: [p, count], dtype: 'i32' } };
  },
  decompose({ logits, scores, seen, forbidden }, { count, penalty }) {
    const { p, v } = dims(logits, 'p s v');
    const { b } = dims(scores, 'p b');
    let likely = logSoftmax(logits);
    if (seen) {
      const unlikelier = where(less(likely, 0), mul(likely, penalty), div(likely, penalty));
      likely = where(anyOf(seen, v), unlikelier, likely);
    }
    if (forbidden) likely = where(anyOf(forbidden, v), maskValue, likely);
    let left = reshape(add(likely, reshape(scores, [p, b, 1])), [p, b * v]);
    const best = Array.from({ length: count }, () => {
      const place = argmax(left, 1, true);
      const score = maxReduce(left, 1, true);
      left = where(equal(iota([1, b * v], 1), place), lowest, left);
      return { score, place };
    });
    const together = (name: 'score' | 'place') =>
      concat(
        best.map((one) => one[name]),
        1,
      );
    return { score: together('score'), place: together('place') };
  },
  vjp: 'none',
});

/** Which of v tokens are among ids i32 [… m]: bool [… v]. */
function anyOf(ids: Value, v: number): Value {
  const among = equal(reshape(ids, [...ids.shape, 1]), iota([1, v], 1)); // [… m v]
  return less(0, sum(cast(among, 'f32'), ids.shape.length - 1));
}
