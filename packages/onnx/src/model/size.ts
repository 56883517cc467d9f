/**
 * A dimension of a lowered tensor: a number, or in an export with named axes a polynomial of them, such as
 * `2*batch*length + 1`. Lowerings pass sizes on to `ModelBuilder.shape`, which emits what computes them.
 */
export type Size = number | SizeExpression;

/** Axis names of one product, sorted, joined by `*`; the empty string stands for the constant term. */
export type Monomial = string;

export class SizeExpression {
  /** @param terms integer coefficients by monomial, none of them zero */
  constructor(readonly terms: ReadonlyMap<Monomial, number>) {}

  /** `2*batch*length + 1`: also the name of such a dimension in an exported file. */
  toString(): string {
    return [...this.terms]
      .sort(([a], [b]) => factors(b).length - factors(a).length || a.localeCompare(b))
      .map(([monomial, c]) => (monomial === '' ? `${c}` : c === 1 ? monomial : `${c}*${monomial}`))
      .join(' + ')
      .replaceAll('+ -', '- ');
  }
}

export const factors = (monomial: Monomial): string[] => (monomial ? monomial.split('*') : []);

/** A polynomial from its coefficients; a plain number when it is constant. */
export function polynomial(coefficients: Iterable<readonly [Monomial, number]>): Size {
  const terms = new Map<Monomial, number>();
  for (const [monomial, c] of coefficients) terms.set(monomial, (terms.get(monomial) ?? 0) + c);
  for (const [monomial, c] of terms) if (c === 0) terms.delete(monomial);
  const constant = [...terms.keys()].every((monomial) => monomial === '');
  return constant ? (terms.get('') ?? 0) : new SizeExpression(terms);
}

const termsOf = (size: Size): Iterable<readonly [Monomial, number]> =>
  typeof size === 'number' ? [['', size]] : size.terms;

export const plus = (a: Size, b: Size): Size => polynomial([...termsOf(a), ...termsOf(b)]);

export const times = (a: Size, b: Size): Size =>
  polynomial(
    [...termsOf(a)].flatMap(([left, c]) =>
      [...termsOf(b)].map(([right, d]): [Monomial, number] => [
        [...factors(left), ...factors(right)].sort().join('*'),
        c * d,
      ]),
    ),
  );

export const product = (sizes: readonly Size[]): Size => sizes.reduce(times, 1);

/** The value at given axis sizes. */
export const sizeAt = (size: Size, axes: Readonly<Record<string, number>>): number => {
  let total = 0;
  for (const [monomial, c] of termsOf(size))
    total += factors(monomial).reduce((n, axis) => n * axes[axis], c);
  return total;
};

export const isConcrete = (sizes: readonly Size[]): sizes is readonly number[] =>
  sizes.every((size) => typeof size === 'number');

/** Whether two sizes are the same number or the same polynomial. */
export const sameSize = (a: Size, b: Size): boolean => a === b || String(a) === String(b);
