import { tensor, toF64 } from '@emu-ts/base';
import { expectClose, goldens } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { type LogitsProcessor, noRepeatNgram, repetitionPenalty, temperature, topK, topP } from './index.js';

const { activations } = await goldens();
const logits = await activations.read('sampling.logits');
const history = toF64(await activations.read('sampling.history'));
const [rows, vocabulary] = logits.shape;

/** The names say what the reference was asked for. */
const processors: Record<string, LogitsProcessor> = {
  top_k10: topK(10),
  top_p90: topP(0.9),
  temperature07: temperature(0.7),
  repetition13: repetitionPenalty(1.3),
  no_repeat_ngram2: noRepeatNgram(2),
  no_repeat_ngram3: noRepeatNgram(3),
};

describe('logits processors', () => {
  it.each(Object.entries(processors))('%s', async (name, processor) => {
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
