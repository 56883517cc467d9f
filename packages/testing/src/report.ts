import { appendFileSync } from 'node:fs';
import type { HostTensor } from '@emu-ts/base';
import { type Difference, difference, type Expectation } from './tolerance.js';

/**
 * Compares and keeps a record: with EMU_REPORT set to a file, every comparison appends one JSON line, from which
 * `npm run goldens` prints its table.
 */
export function expectClose(
  label: string,
  actual: HostTensor,
  expected: HostTensor,
  options: Expectation = {},
): Difference {
  const result = difference(label, actual, expected, options);
  record(result);
  if (!(result.absolute <= result.tolerance)) {
    throw new Error(
      `${label}: differs by ${result.absolute.toExponential(2)} (relative ${result.relative.toExponential(2)}) at element ` +
        `${result.at}, allowed ${result.tolerance.toExponential(2)}.`,
    );
  }
  return result;
}

/** Records a case that is right or wrong as a whole: token ids, texts, ranks. */
export function expectSame<T>(label: string, actual: T, expected: T): void {
  const same = JSON.stringify(actual) === JSON.stringify(expected);
  record({ label, absolute: same ? 0 : 1, relative: same ? 0 : 1, tolerance: 0, at: 0 });
  if (!same) throw new Error(`${label}: got ${JSON.stringify(actual)}, wanted ${JSON.stringify(expected)}.`);
}

function record(result: Difference): void {
  const file = process.env.EMU_REPORT;
  if (file) appendFileSync(file, `${JSON.stringify(result)}\n`);
}
