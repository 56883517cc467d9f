import { EmuError, ShapeError } from '@emu-ts/base';
import type { LanguageModelSession, PrefillOptions } from '@emu-ts/contracts';
import { type AnyTensor, formatType, sameShape } from '@emu-ts/graph';
import type { SessionHost } from './kv-cache.js';

/** What a session refuses before it touches its cache. */
type Rows = Pick<LanguageModelSession, 'batch' | 'length' | 'capacity'>;

export function checkPrefill(
  { settings }: SessionHost,
  rows: Rows,
  embeddings: AnyTensor,
  { padding, start = 0 }: Pick<PrefillOptions, 'padding' | 'start'>,
): void {
  const { width } = settings.model;
  const [batch, total, d] = embeddings.shape;
  if (embeddings.shape.length !== 3 || batch !== rows.batch || d !== width || !total)
    throw new ShapeError(
      `prefill: embeddings are [${rows.batch} t ${width}], got ${formatType(embeddings)}.`,
    );
  if (start && (!Number.isInteger(start) || start < 0 || start >= total || start !== rows.length))
    throw new EmuError(
      'OPTION',
      `prefill: ${start} of ${total} positions are to be left out, the session has read ${rows.length}.`,
    );
  checkRoom(rows, total - start);
  if (!padding) return;
  if (rows.length && padding.some(Boolean))
    throw new EmuError('OPTION', 'Padding is for the first prefill of a session only.');
  if (padding.length !== batch || padding.some((n) => !Number.isInteger(n) || n < 0 || n >= total))
    throw new ShapeError(`prefill: padding is ${batch} numbers in 0..${total - 1}, got [${padding}].`);
}

export function checkStep(host: SessionHost, { batch }: Rows, next: readonly number[] | AnyTensor): void {
  const { width } = host.settings.model;
  if (!isIds(next)) {
    if (!sameShape(next.shape, [batch, width]))
      throw new ShapeError(`step: embeddings are [${batch} ${width}], got ${formatType(next)}.`);
  } else if (next.length !== batch)
    throw new ShapeError(`step: there are ${batch} rows, got ${next.length} token ids.`);
  else host.checkIds(next);
}

export function checkRoom({ length, capacity }: Rows, positions: number): void {
  if (length + positions <= capacity) return;
  throw new EmuError(
    'CAPACITY',
    `${positions} more positions do not fit behind ${length} in a session of ${capacity}.`,
    { hint: 'Open the session with the capacity it will need.' },
  );
}

export const isIds = (next: readonly number[] | AnyTensor): next is readonly number[] => Array.isArray(next);
