import { tensor, toF64 } from '@emu-ts/base';
import { expectClose, goldens } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { type LogitsProcessor, noRepeatNgram, repetitionPenalty, temperature, topK, topP } from './index.js';

const { activations } = await goldens();
const logits = await activations.read('sampling.logits');
const history = toF64(await activations.read('sampling.history'));
const [rows, vocabulary] = logits.shape;

/** The names say what the reference was asked for: `top_k10` 10, `top_p90` 0.9, `repetition13` 1.3. */
const processors: Record<string, (digits: string) => LogitsProcessor> = {
  top_k: (digits) => topK(Number(digits)),
  top_p: (digits) => topP(Number(`0.${digits}`)),
  temperature: (digits) => temperature(decimal(digits)),
  repetition: (digits) => repetitionPenalty(decimal(digits)),
  no_repeat_ngram: (digits) => noRepeatNgram(Number(digits)),
};
const decimal = (digits: string): number => Number(`${digits[0]}.${digits.slice(1)}`);
const names = activations.names.flatMap(
  (name) => /^sampling\.(?!logits$|history$)(.*)/.exec(name)?.slice(1) ?? [],
);

describe('logits processors', () => {
  it.each(names)('%s', async (name) => {
    const [, kind, digits] = /^(\D+)(\d+)$/.exec(name) as RegExpExecArray;
    const processor = processors[kind](digits);
    const actual = tensor('f32', logits.shape, Float32Array.from(toF64(logits)));
    const past = history.length / rows;
    for (let row = 0; row < rows; row++) {
      const scores = actual.data.subarray(row * vocabulary, (row + 1) * vocabulary);
      processor(scores, [...history.subarray(row * past, (row + 1) * past)], row);
    }
    const expected = await activations.read(`sampling.${name}`);
    const forbidden = (scores: Float64Array) =>
      [...scores].map((score) => score === Number.NEGATIVE_INFINITY);
    expect(forbidden(toF64(actual))).toEqual(forbidden(toF64(expected)));
    expectClose(`sampling.${name}`, actual, expected);
  });
});
