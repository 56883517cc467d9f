import { type DType, type HostTensor, isFloat, toF64 } from '@emu-ts/base';

/**
 * How far a result may lie from the exact one, as a formula. A sum of n rounded terms of magnitude m, accumulated in a
 * format with unit roundoff u, errs by about u · √n · m when the errors are independent; a chain of `depth` such sums
 * (layers of a model) adds up √depth of them. `margin` is one fixed constant for the whole project, so that no test has a
 * number of its own.
 */
export interface Expectation {
  /** Terms summed into one element (the inner dimension of the widest product). Default 1. */
  readonly terms?: number;
  /** Rounded operations in a row (layers). Default 1. */
  readonly depth?: number;
  /** Magnitude of what is summed. Default: the largest expected element. */
  readonly magnitude?: number;
  /** The format of storage and accumulation. Default f32. */
  readonly dtype?: DType;
  /** How far rounding to f32 was seen to move the result (`spreadOf`), where errors grow by more than depth. Default 0. */
  readonly spread?: number;
}

export const unitRoundoff = {
  f64: 2 ** -53,
  f32: 2 ** -24,
  f16: 2 ** -11,
  bf16: 2 ** -8,
} as const satisfies Partial<Record<DType, number>>;

export const margin = 8;

export function tolerance(expectation: Expectation): number {
  const { terms = 1, depth = 1, magnitude = 1, dtype = 'f32', spread = 0 } = expectation;
  const unit = dtype in unitRoundoff ? unitRoundoff[dtype as keyof typeof unitRoundoff] : 0;
  return margin * unit * Math.sqrt(terms * depth) * magnitude + (unit / unitRoundoff.f32) * spread;
}

export interface Difference {
  readonly label: string;
  readonly absolute: number;
  readonly relative: number;
  readonly tolerance: number;
  readonly at: number;
}

/**
 * The largest difference between two tensors, absolutely and relative to the largest expected element. It is infinite where
 * one alone is no number: NaN compares with nothing, and would be forgotten at the next element.
 */
export function difference(
  label: string,
  actual: HostTensor,
  expected: HostTensor,
  options: Expectation = {},
): Difference {
  if (actual.shape.join() !== expected.shape.join()) {
    throw new Error(`${label}: got shape [${actual.shape}], wanted [${expected.shape}].`);
  }
  const [a, e] = [toF64(actual), toF64(expected)];
  let [absolute, largest, at] = [0, 0, 0];
  for (let i = 0; i < e.length; i++) {
    const same = a[i] === e[i] || (Number.isNaN(a[i]) && Number.isNaN(e[i]));
    const distance = Math.abs(a[i] - e[i]);
    const gap = same ? 0 : Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
    if (gap > absolute) [absolute, at] = [gap, i];
    if (Number.isFinite(e[i])) largest = Math.max(largest, Math.abs(e[i]));
  }
  const magnitude = options.magnitude ?? largest;
  const exact = !isFloat(expected.dtype);
  return {
    label,
    absolute,
    relative: largest ? absolute / largest : absolute,
    tolerance: exact ? 0 : tolerance({ ...options, magnitude }),
    at,
  };
}
