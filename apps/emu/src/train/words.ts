import { EmuError } from '@emu-ts/base';
import type { Sequence } from '@emu-ts/contracts';
import { imagesOf } from '@emu-ts/sequence';

/** All that is said, in order. */
export const wordsOf = (sequence: Sequence<unknown>): string =>
  sequence
    .flatMap((element) => (element.type === 'text' ? [element.text.trim()] : []))
    .join(' ')
    .trim();

/** @throws EmuError `BAD_ROW` */
export function needImage(sequence: Sequence<unknown>): void {
  if (imagesOf(sequence).length === 0) throw new EmuError('BAD_ROW', 'There is no image in it.');
}
