/**
 * Resampling kernels. `support` is the radius at scale 1; on down-sampling both it and the argument are scaled, so
 * the filter averages over every source pixel it covers (antialiasing).
 */
export interface Filter {
  readonly support: number;
  readonly weight: (x: number) => number;
}

export type FilterName = 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos';

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** Keys' cubic convolution with a = −1/2: exact on quadratics. */
const A = -0.5;

/** PIL's hamming uses the two constants in single precision. */
const HAMMING_0 = Math.fround(0.54);
const HAMMING_1 = Math.fround(0.46);

export const filters: Readonly<Record<FilterName, Filter>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    weight: (x) => (Math.abs(x) >= 1 ? 0 : sinc(x) * (HAMMING_0 + HAMMING_1 * Math.cos(x * Math.PI))),
  },
  bicubic: {
    support: 2,
    weight(x) {
      const t = Math.abs(x);
      if (t < 1) return ((A + 2) * t - (A + 3)) * t * t + 1;
      if (t < 2) return (((t - 5) * t + 8) * t - 4) * A;
      return 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};
