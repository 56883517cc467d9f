import { DeviceLimitError } from '../device/errors.js';
import type { Params, ParamValue } from '../kernel/kernel.js';

/** Index arithmetic shared by kernels: row-major strides, broadcasting, and joining of axes. */
export const u32 = (x: number): ParamValue => ['u32', x];
export const u32s = (numbers: Readonly<Record<string, number>>): Params =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, u32(value)]));

/** Invocations of a workgroup in kernels that treat every element alike. */
export const lanes = 256;
export const groupsFor = (elements: number, perGroup: number = lanes): number =>
  Math.ceil(elements / perGroup);

export const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((n, x, i) => n + x * b[i], 0);

/** Sizes before, at and after an axis. */
export function around(shape: readonly number[], axis: number): [number, number, number] {
  const product = (part: readonly number[]) => part.reduce((n, d) => n * d, 1);
  return [product(shape.slice(0, axis)), shape[axis], product(shape.slice(axis + 1))];
}

/** Axes a shader can walk. Joining neighbours leaves far fewer than a tensor has. */
const maxRank = 8;

export interface Walk {
  readonly shape: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/** Drops axes of 1 and joins neighbours that every operand steps through evenly. */
export function collapse(shape: readonly number[], operands: readonly (readonly number[])[]): Walk {
  const sizes: number[] = [];
  const steps: number[][] = operands.map(() => []);
  shape.forEach((d, axis) => {
    if (d === 1) return;
    const last = sizes.length - 1;
    if (last >= 0 && operands.every((own, o) => steps[o][last] === own[axis] * d)) {
      sizes[last] *= d;
      steps.forEach((list, o) => {
        list[last] = operands[o][axis];
      });
    } else {
      sizes.push(d);
      steps.forEach((list, o) => {
        list.push(operands[o][axis]);
      });
    }
  });
  if (sizes.length > maxRank)
    throw new DeviceLimitError(`A walk over [${shape}]`, 'axes that cannot be joined', sizes.length, maxRank);
  return { shape: sizes, strides: steps };
}

/** A list of at most eight numbers as a parameter. */
export const axes = (values: readonly number[]): ParamValue => [
  'u32',
  Array.from({ length: maxRank }, (_, i) => values[i] ?? 0),
];
