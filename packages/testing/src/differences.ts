import { type HostTensor, isFloat, random, sizeOf, tensor, toF64 } from '@emu-ts/base';
import {
  add,
  graphOf,
  input,
  interpret,
  mul,
  pullback,
  sum,
  type TensorType,
  type Value,
} from '@emu-ts/graph';
import { expectClose } from './report.js';

/** Normal numbers for every input of a case, from a seed. Integer inputs must be given. */
export function randomTensors(
  types: Readonly<Record<string, TensorType>>,
  seed = 1,
): Record<string, HostTensor> {
  return Object.fromEntries(
    Object.entries(types).map(([name, { dtype, shape }], stream) => {
      const draw = random(seed, stream + 1).normal(sizeOf(shape));
      return [
        name,
        tensor(isFloat(dtype) ? 'f64' : dtype, shape, Array.from(draw, isFloat(dtype) ? Number : Math.round)),
      ];
    }),
  );
}

/**
 * Compares the gradient of a function with central differences, in f64, along a random direction of its outputs and
 * element by element in its inputs. The step balances truncation (h²) against rounding (u/h), so it is the cube root of
 * the unit roundoff, and the tolerance is its square times the magnitude of the result.
 */
export function expectGradients(
  label: string,
  f: (inputs: Record<string, Value>) => Value | Readonly<Record<string, Value>>,
  given: Readonly<Record<string, HostTensor>>,
  wrt: readonly string[] = Object.keys(given).filter((name) => isFloat(given[name].dtype)),
): void {
  const values = Object.fromEntries(
    Object.entries(given).map(([name, t]) => [
      name,
      input(name, { dtype: isFloat(t.dtype) ? 'f32' : t.dtype, shape: t.shape }),
    ]),
  );
  const result = f(values);
  const outputs = Object.values('node' in result ? { y: result as Value } : result).filter((y) =>
    isFloat(y.dtype),
  );
  const directions = outputs.map((y, i) => input(`direction.${i}`, y));
  const fed = {
    ...given,
    ...randomTensors(Object.fromEntries(directions.map((d, i) => [`direction.${i}`, d])), 7),
  };
  const loss = outputs.map((y, i) => sum(mul(y, directions[i]))).reduce((a, b) => add(a, b));
  const targets = wrt.map((name) => values[name]);
  const pulled = pullback(
    outputs.map((y, i) => [y, directions[i]] as const),
    targets,
  );
  const graph = graphOf(
    Object.fromEntries(wrt.flatMap((name, i) => (pulled[i] ? [[name, pulled[i] as Value]] : []))),
  );
  const analytic = interpret(graph, fed);
  const lossGraph = graphOf({ loss });
  const at = (inputs: Record<string, HostTensor>) => interpret(lossGraph, inputs).loss.data[0];
  const step = Number.EPSILON ** (1 / 3);
  for (const name of wrt) {
    const x = toF64(given[name]);
    const numeric = Float64Array.from(x, (_, i) => {
      const nudged = (by: number) => {
        const data = Float64Array.from(x);
        data[i] += by;
        return at({ ...fed, [name]: tensor('f64', given[name].shape, data) });
      };
      return (nudged(step) - nudged(-step)) / (2 * step);
    });
    const expected = tensor('f64', given[name].shape, numeric);
    const actual = analytic[name] ?? tensor('f64', given[name].shape);
    const scale = Math.max(Math.abs(at(fed)), ...numeric.map(Math.abs), 1);
    expectClose(`${label}: d ${name}`, actual, expected, {
      dtype: 'f64',
      magnitude: (scale * step ** 2) / 2 ** -53,
      terms: 4,
    });
  }
}
