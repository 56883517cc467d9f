import { ShapeError } from '@emu-ts/base';
import {
  add,
  and,
  argmax,
  cast,
  defineOp,
  dims,
  div,
  dynamicSlice,
  equal,
  iota,
  less,
  mul,
  reshape,
  sub,
  sum,
  type Value,
  where,
} from '@emu-ts/graph';
import { maskValue, softmax } from '@emu-ts/nn';
import { expectDType, expectIndices } from '../operands.js';

export type SampleAttrs = {
  /** Above 0. */
  readonly temperature: number;
  /** Scores kept; 0 for all. */
  readonly topK: number;
  /** Probability kept; 1 for all. */
  readonly topP: number;
  /** Tokens that may not come while the step is below `until`. */
  readonly ends: readonly number[];
  readonly until: number;
};

/**
 * The next token of each row, as the processors and the sampling search of this package choose it on the host: logits
 * f32 [b v], step i32 [], drawn f32 [b n] in [0, 1), of which column `step` is used → token i32 [b]. Without `drawn`
 * the first of the largest scores.
 *
 * The decomposition compares all scores of a row with one another: it is the meaning, and for real vocabularies a kernel
 * is needed (`Executor.hasKernel`).
 */
export const sampleOp = defineOp({
  name: 'language_model.sample',
  inputs: ['logits', 'step', 'drawn?'],
  outputs: ['token'],
  infer({ logits, step, drawn }, { topK, topP, temperature }: SampleAttrs) {
    const { b } = dims(logits, 'b v');
    expectDType('language_model.sample', 'f32', { logits });
    expectIndices('language_model.sample', 'step', step, []);
    if (drawn) {
      dims(drawn, `${b} n`);
      expectDType('language_model.sample', 'f32', { drawn });
    }
    if (!(temperature > 0 && topP > 0) || topK < 0)
      throw new ShapeError('language_model.sample: temperature and topP are above 0, topK is not below.');
    return { token: { shape: [b], dtype: 'i32' as const } };
  },
  decompose({ logits, step, drawn }, { temperature, topK, topP, ends, until }) {
    const { b, v } = dims(logits, 'b v');
    let scores =
      ends.length && until ? where(and(isOneOf(ends, v), less(step, until)), maskValue, logits) : logits;
    if (!drawn) return { token: argmax(scores, 1) };
    scores = div(scores, temperature);
    const pairs = (f: (own: Value, other: Value) => Value) =>
      f(reshape(scores, [b, v, 1]), reshape(scores, [b, 1, v])); // [b v v]
    if (topK > 0 && topK < v) {
      const above = sum(cast(pairs(less), 'f32'), 2);
      scores = where(less(above, topK), scores, maskValue);
    }
    if (topP < 1) {
      const probabilities = reshape(softmax(scores), [b, 1, v]);
      const upTo = sum(mul(sub(1, cast(pairs(less), 'f32')), probabilities), 2); // Σ of what is not above
      const largest = equal(sum(cast(pairs(less), 'f32'), 2), 0);
      scores = where(less(1 - topP, upTo), scores, where(largest, scores, maskValue));
    }
    const before = cast(less(iota([1, v], 1), add(iota([v, 1], 0), 1)), 'f32'); // [v v], the own one included
    const cumulative = sum(mul(reshape(softmax(scores), [b, 1, v]), reshape(before, [1, v, v])), 2);
    const u = dynamicSlice(drawn, step, 1, 1);
    return { token: argmax(cast(less(u, cumulative), 'f32'), 1) };
  },
  vjp: 'none',
});

/** bool [1 v] */
function isOneOf(ids: readonly number[], v: number): Value {
  const hits = ids.map((id) => cast(equal(iota([1, v], 1), id), 'f32'));
  return less(
    0,
    hits.reduce((a, b) => add(a, b)),
  );
}
