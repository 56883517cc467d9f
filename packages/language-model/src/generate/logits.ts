import type { CallOptions } from '@emu-ts/base';
import type { LanguageModel } from '@emu-ts/contracts';
import type { AnyTensor } from '@emu-ts/graph';
import { discard, takeHost } from '../host.js';

/** The logits of every row of hidden states, one row after the other, in host memory. Frees the hidden states. */
export async function readLogits(
  model: LanguageModel,
  hidden: AnyTensor,
  options: CallOptions,
): Promise<Float32Array> {
  try {
    const logits = await takeHost(await model.logits(hidden, options), options);
    return logits.data as Float32Array;
  } finally {
    discard(hidden);
  }
}

/** Row `i` of logits. */
export const rowOf = (logits: Float32Array, i: number, { vocabSize }: LanguageModel): Float32Array =>
  logits.subarray(i * vocabSize, (i + 1) * vocabSize);
