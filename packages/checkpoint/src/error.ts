import { EmuError } from '@emu-ts/base';

/**
 * What went wrong with a checkpoint:
 * `UNKNOWN_FORMAT` the bytes are no checkpoint format; `CORRUPT_CHECKPOINT` they contradict their own format
 * (truncated, out of bounds, overlapping, duplicated); `UNSAFE_PICKLE` a pickle asks for something that is not
 * plain tensor data; `UNSUPPORTED_CHECKPOINT` valid, but not read here (dtype, byte order, compression);
 * `CHECKPOINT_TOO_LARGE` reading would take more memory than the file justifies; `NO_SUCH_TENSOR`; `NAME_CLASH`
 * two tensors claim one name; `OUT_OF_RANGE` a value does not fit the wanted dtype; `CHECKPOINT_CLOSED`; `FILE`
 * and `HTTP` the medium failed; `BAD_ARGUMENT` the call itself is wrong.
 */
export type CheckpointErrorCode =
  | 'UNKNOWN_FORMAT'
  | 'CORRUPT_CHECKPOINT'
  | 'UNSAFE_PICKLE'
  | 'UNSUPPORTED_CHECKPOINT'
  | 'CHECKPOINT_TOO_LARGE'
  | 'NO_SUCH_TENSOR'
  | 'NAME_CLASH'
  | 'OUT_OF_RANGE'
  | 'CHECKPOINT_CLOSED'
  | 'FILE'
  | 'HTTP'
  | 'BAD_ARGUMENT';

/** Every error of this package, but for the abort reason of a caller's signal, which passes through untouched. */
export class CheckpointError extends EmuError {
  declare readonly code: CheckpointErrorCode;

  constructor(code: CheckpointErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(code, message, options);
  }
}

export const corrupt = (message: string, options?: { hint?: string; cause?: unknown }): CheckpointError =>
  new CheckpointError('CORRUPT_CHECKPOINT', message, options);

export const unsupported = (message: string, options?: { hint?: string; cause?: unknown }): CheckpointError =>
  new CheckpointError('UNSUPPORTED_CHECKPOINT', message, options);

/** Text from a file in an error message: quoted, and cut so that hostile names stay readable. */
export const quote = (text: string): string =>
  JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}...` : text);
