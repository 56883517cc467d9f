import { ShapeError } from '@emu-ts/base';
import {
  add,
  argmax,
  cast,
  defineOp,
  dims,
  equal,
  full,
  gather,
  iota,
  less,
  matmul,
  max,
  mul,
  reshape,
  sub,
  sum,
  type TensorType,
  type Value,
  where,
} from '@emu-ts/graph';
import { expectDType, expectIndices } from '../operands.js';

export type NextBeamsAttrs = {
  /** Beams of a prompt. */
  readonly beams: number;
  /** Tokens there are. */
  readonly v: number;
  /** Tokens with which no beam goes on. */
  readonly ends: readonly number[];
  /** The least score of a beam: what is below is of one that went on with a forbidden token. */
  readonly floor: number;
};

/**
 * The beams that p prompts go on with, as the beam search of this package takes them on the host: of the continuations,
 * best first, the first b whose token is not an end. Row i of the table takes over the first `length` positions of the row
 * that its beam goes on from; later ones are its own.
 *
 * score f32 [p c], place i32 [p c], which is beam · v + token, rows i32 [p·b n], length i32 [] → ids i32 [p·b],
 * scores f32 [p b], parents i32 [p·b], rowsOut i32 [p·b n].
 */
export const nextBeamsOp = defineOp({
  name: 'language_model.next_beams',
  inputs: ['score', 'place', 'rows', 'length'],
  outputs: ['ids', 'scores', 'parents', 'rowsOut'],
  infer({ score, place, rows, length }, { beams, v, ends }: NextBeamsAttrs) {
    const { p, c } = dims(score, 'p c');
    const { n } = dims(rows, `${p * beams} n`);
    expectDType('language_model.next_beams', 'f32', { score });
    expectIndices('language_model.next_beams', 'place', place, [p, c]);
    expectIndices('language_model.next_beams', 'rows', rows, [p * beams, n]);
    expectIndices('language_model.next_beams', 'length', length, []);
    if (c < Math.min((1 + ends.length) * beams, beams * v))
      throw new ShapeError(
        `language_model.next_beams: ${c} continuations may hold fewer than ${beams} without an end.`,
      );
    const each: TensorType = { shape: [p * beams], dtype: 'i32' };
    return {
      ids: each,
      scores: { shape: [p, beams], dtype: 'f32' },
      parents: each,
      rowsOut: { shape: [p * beams, n], dtype: 'i32' },
    };
  },
  decompose({ score, place, rows, length }, { beams, v, ends, floor }) {
    const { p, c } = dims(score, 'p c');
    const [, n] = rows.shape;
    const goesOn = notAmong(tokenOf(place, beams, v), ends); // f32 [p c]
    const earlier = cast(less(iota([c, 1], 0), add(iota([1, c], 1), 1)), 'f32'); // [c c]: up to oneself
    const nth = mul(matmul(goesOn, earlier), goesOn); // from 1 on; 0 for ends
    const wanted = cast(add(iota([1, beams, 1], 1), 1), 'f32');
    const at = argmax(cast(equal(reshape(nth, [p, 1, c]), wanted), 'f32'), 2); // i32 [p b]
    const flat = reshape(add(at, mul(iota([p, 1], 0), c)), [p * beams]);
    const take = (x: Value) => gather(reshape(x, [p * c, 1]), flat); // [p·b 1]
    const chosen = reshape(take(place), [p, beams]);
    const parents = add(beamOf(chosen, beams, v), mul(iota([p, 1], 0), beams));
    const from = gather(rows, reshape(parents, [p * beams]));
    return {
      ids: reshape(tokenOf(chosen, beams, v), [p * beams]),
      scores: max(reshape(take(score), [p, beams]), floor),
      parents: reshape(parents, [p * beams]),
      rowsOut: where(less(iota([1, n], 1), length), from, iota([p * beams, 1], 0)),
    };
  },
  vjp: 'none',
});

/** The beam of a place, i32: how many beams begin up to it, less one. */
const beamOf = (place: Value, beams: number, v: number): Value => {
  const { shape } = place;
  const starts = mul(add(iota([1, beams - 1], 1), 1), v);
  const begun = less(starts, add(reshape(place, [...shape, 1]), 1));
  return sum(cast(begun, 'i32'), shape.length);
};

const tokenOf = (place: Value, beams: number, v: number): Value =>
  sub(place, mul(beamOf(place, beams, v), v));

/** 1 where a token is not among ids, else 0. */
const notAmong = (tokens: Value, ids: readonly number[]): Value =>
  ids.reduce<Value>(
    (left, id) => mul(left, cast(where(equal(tokens, id), 0, 1), 'f32')),
    full(tokens.shape, 1, 'f32'),
  );
