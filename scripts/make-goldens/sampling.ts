import { type HostTensor, random, tensor } from '@emu-ts/base';
import { noRepeatNgram, repetitionPenalty, temperature, topK, topP } from '@emu-ts/language-model';
import type { Recipe } from './recipe.js';
import type { Tensors } from './weights.js';

const [rows, vocabulary, past] = [3, 47, 11];

/** `sampling.*`: each processor alone on drawn logits, after a history that repeats itself. */
export function samplingGoldens({ seed, sampling }: Recipe): Tensors {
  const shape = [rows, vocabulary];
  const logits = tensor(
    'f32',
    shape,
    random(seed, 1)
      .normal(rows * vocabulary)
      .map((x) => 3 * x),
  );
  const history = Array.from(
    { length: rows * past },
    (_, i) => (Math.floor(i / past) * 7 + (i % past) * 5) % 17,
  );
  const out: Tensors = new Map<string, HostTensor>([
    ['sampling.logits', logits],
    ['sampling.history', tensor('i64', [rows, past], history)],
  ]);
  for (const name of sampling) {
    const data = logits.data.slice();
    for (let row = 0; row < rows; row++) {
      const scores = data.subarray(row * vocabulary, (row + 1) * vocabulary);
      processor(name)(scores, history.slice(row * past, (row + 1) * past), row);
    }
    out.set(`sampling.${name}`, tensor('f32', shape, data));
  }
  return out;
}

/** A name of the goldens says what was asked for: `top_k10`, `top_p90` (%), `temperature07` (0.7). */
function processor(name: string) {
  const [, kind, digits] = /^([a-z_]+?)(\d+)$/.exec(name) ?? [];
  const decimal = Number(`${digits?.[0]}.${digits?.slice(1)}`);
  switch (kind) {
    case 'top_k':
      return topK(Number(digits));
    case 'top_p':
      return topP(Number(`0.${digits}`));
    case 'temperature':
      return temperature(decimal);
    case 'repetition':
      return repetitionPenalty(decimal);
    case 'no_repeat_ngram':
      return noRepeatNgram(Number(digits));
    default:
      throw new Error(`No logits processor is named '${name}'.`);
  }
}
