import { type Monomial, polynomial, type Size, sizeAt } from '../model/size.js';

/** Sample sizes of every named axis. Graphs are traced at all combinations. */
export type Axes = Readonly<Record<string, readonly number[]>>;

/** All combinations of sample sizes, the last axis running fastest. */
export function grid(axes: Axes): Record<string, number>[] {
  return Object.entries(axes).reduce<Record<string, number>[]>(
    (points, [axis, sizes]) => points.flatMap((point) => sizes.map((size) => ({ ...point, [axis]: size }))),
    [{}],
  );
}

/**
 * The polynomial with integer coefficients that takes these values on the grid, or undefined when there is none. Its
 * degree in an axis is below that axis's number of samples: two samples tell sizes that grow in proportion, three
 * also squares.
 */
export function fit(values: readonly number[], axes: Axes): Size | undefined {
  if (values.every((value) => value === values[0])) return values[0];
  const terms = interpolate(values, Object.entries(axes));
  const rounded = polynomial(terms.map(([monomial, c]) => [monomial, Math.round(c)]));
  return grid(axes).every((point, i) => sizeAt(rounded, point) === values[i]) ? rounded : undefined;
}

/** Interpolates along the first axis with coefficients that are polynomials of the others. */
function interpolate(
  values: readonly number[],
  [first, ...rest]: readonly (readonly [string, readonly number[]])[],
): (readonly [Monomial, number])[] {
  if (!first) return [['', values[0]]];
  const [axis, samples] = first;
  const block = values.length / samples.length;
  const rows = samples.map((_, i) => new Map(interpolate(values.slice(i * block, (i + 1) * block), rest)));
  const monomials = new Set(rows.flatMap((row) => [...row.keys()]));
  return [...monomials].flatMap((monomial) => {
    const coefficients = newton(
      samples,
      rows.map((row) => row.get(monomial) ?? 0),
    );
    return coefficients.map((c, power): readonly [Monomial, number] => [
      [...Array<string>(power).fill(axis), ...(monomial ? [monomial] : [])].sort().join('*'),
      c,
    ]);
  });
}

/** Coefficients, lowest power first, of the polynomial through (x, y): Newton's divided differences. */
function newton(x: readonly number[], y: readonly number[]): number[] {
  const differences = [...y];
  for (let order = 1; order < x.length; order++)
    for (let i = x.length - 1; i >= order; i--)
      differences[i] = (differences[i] - differences[i - 1]) / (x[i] - x[i - order]);
  const coefficients = Array<number>(x.length).fill(0);
  for (let i = x.length - 1; i >= 0; i--) {
    for (let power = coefficients.length - 1; power > 0; power--)
      coefficients[power] = coefficients[power - 1] - x[i] * coefficients[power];
    coefficients[0] = differences[i] - x[i] * coefficients[0];
  }
  return coefficients;
}
