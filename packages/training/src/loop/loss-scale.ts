/** Where a dynamic loss scale stands: plain data, saved with a run. */
export interface LossScale {
  readonly scale: number;
  /** Updates in a row whose gradients were finite. */
  readonly good: number;
}

export interface LossScaleOptions {
  /** Default 65,536. */
  readonly initial?: number | undefined;
  /** Finite updates after which the scale doubles. Default 2000. */
  readonly growthInterval?: number | undefined;
}

export const startScale = ({ initial = 65_536 }: LossScaleOptions = {}): LossScale => ({
  scale: initial,
  good: 0,
});

/** Halves the scale after an overflow, doubles it after a long while without one. Always a power of two times the start. */
export function nextScale(
  { scale, good }: LossScale,
  finite: boolean,
  { growthInterval = 2000 }: LossScaleOptions = {},
): LossScale {
  if (!finite) return { scale: scale / 2, good: 0 };
  return good + 1 >= growthInterval ? { scale: scale * 2, good: 0 } : { scale, good: good + 1 };
}
