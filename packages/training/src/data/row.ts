import type { HostTensor } from '@emu-ts/base';
import type { Sequence, SequenceEncodeOptions, SequenceFormat, TargetOptions } from '@emu-ts/contracts';
import type { TrainingRow } from './collate.js';

/**
 * A sequence of text and images as a row to train on. Documents end with the end-of-sequence token unless told
 * otherwise.
 * @param sequence images are pixels f32 `[3 h w]`, or embeddings f32 `[queries width]`
 */
export function trainingRow(
  format: SequenceFormat,
  sequence: Sequence<HostTensor>,
  { eos = true, ...options }: SequenceEncodeOptions & TargetOptions = {},
): TrainingRow {
  const { ids, imageSlots, images } = format.encode(sequence, { ...options, eos });
  return { ids, imageSlots, images, targets: format.targets(ids, options) };
}
