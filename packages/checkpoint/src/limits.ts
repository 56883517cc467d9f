/**
 * Whatever a file claims, reading it never takes more than its own size plus 64 MiB: what is read is bounded by
 * the size, and what is built from it by these limits.
 */
import { CheckpointError } from './error.js';

const MiB = 2 ** 20;

/** A tensor may be larger than its file (an expanded view) by this much. */
export const MAX_EXPANSION = 32 * MiB;

/** Strided views are gathered through a window of at most this many bytes. */
export const WINDOW = 16 * MiB;

/** Memory for the objects that describe the tensors: names, shapes, pickle values. */
export const DIRECTORY_BUDGET = 48 * MiB;

/** A pickle that describes tensors is small: the released 14B model's is 200 kB. */
export const MAX_PICKLE = 8 * MiB;

/** The limit of the reference implementation of safetensors. */
export const MAX_SAFETENSORS_HEADER = 100_000_000;

/** Nesting of JSON and pickle values: state dictionaries need five or so. */
export const MAX_DEPTH = 64;

/** Counts the estimated memory of what is being built and stops a file that makes a few bytes grow into many. */
export class Budget {
  private left: number;

  constructor(
    private readonly what: string,
    private readonly limit = DIRECTORY_BUDGET,
  ) {
    this.left = limit;
  }

  spend(bytes: number): void {
    this.left -= bytes;
    if (this.left < 0) {
      throw new CheckpointError(
        'CHECKPOINT_TOO_LARGE',
        `${this.what} would take more than the ${Math.round(this.limit / MiB)} MiB allowed for describing tensors.`,
        { hint: 'A genuine checkpoint stays far below this: the file is damaged or hostile.' },
      );
    }
  }
}
