import type { CallOptions } from '@emu-ts/base';
import type { RgbImage } from './image-decoder.js';

export interface SafetyVerdict {
  /** The picture must not be shown. */
  readonly flagged: boolean;
  /** How far each concept is above its threshold; what the numbers mean is the checker's own. */
  readonly scores: readonly number[];
}

/** Looks at finished pictures and says which must not be shown. */
export interface SafetyChecker extends AsyncDisposable {
  /** One verdict per picture, in order. Pictures may be of any size. */
  check(images: readonly RgbImage[], options?: CallOptions): Promise<SafetyVerdict[]>;
  /** Frees the weights and programs, never the executor. */
  dispose(): Promise<void>;
}
