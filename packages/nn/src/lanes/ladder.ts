/// <reference path="../wgsl.d.ts" />
import few from './few.wgsl';
import fewSubgroups from './few-subgroups.wgsl';
import rows from './rows.wgsl';
import rowsSubgroups from './rows-subgroups.wgsl';

/**
 * Two rungs from one kernel whose `.wgsl` holds `fn run(workgroup, lane)`: lanes that fold with subgroup operations where
 * the device has them, and in workgroup memory elsewhere. The entry point and the folds stand before the kernel's text.
 */
const twoRungs =
  (withSubgroups: string, without: string) =>
  <K extends { readonly name: string; readonly source: string }>(kernel: K): readonly [K, K] => [
    {
      ...kernel,
      name: `${kernel.name} subgroups`,
      requires: ['subgroups'],
      source: `${withSubgroups}\n${kernel.source}`,
    },
    { ...kernel, source: `${without}\n${kernel.source}` },
  ];

/** One workgroup of LANES owns one row: `fold_sum` and `fold_max`. */
export const rowRungs = twoRungs(rowsSubgroups, rows);

/** One workgroup of 64 owns four columns of a product of ROWS rows: `fold_each`. */
export const fewRungs = twoRungs(fewSubgroups, few);

/** The same for a kernel of several passes, which puts `lanes` before the texts that fold rows. */
export const rowPassRungs = <K extends { readonly name: string }>(
  make: (lanes: string) => K,
): readonly [K, K] => {
  const kernel = make(rowsSubgroups);
  return [{ ...kernel, name: `${kernel.name} subgroups`, requires: ['subgroups'] }, make(rows)];
};
