/// <reference path="../wgsl.d.ts" />
import { last, type TensorType } from '@emu-ts/graph';
import type { Pass } from '@emu-ts/webgpu/kernel';
import { lanesFor, rowsOf, u32, vectorises } from '../rows.js';
import columnsSource from './columns.wgsl';
import rowsSource from './rows.wgsl';

/** The passes of a norm's backward op. A pass whose result nobody reads does not run. */
interface Types {
  readonly dy: TensorType;
  readonly x: TensorType;
  readonly weight: TensorType;
  readonly mean?: TensorType | undefined;
}

const sizes = (x: TensorType) => ({ rows: u32(rowsOf(x)), columns: u32(last(x)) });

export function rowsPass({ dy, x, weight, mean }: Types, lanes: string): Pass {
  const columns = last(x);
  const vector = vectorises(columns, dy, x, weight);
  const width = vector ? (4 as const) : (1 as const);
  return {
    label: 'rows',
    source: `${lanes}\n${rowsSource}`,
    reads: { dy: 'dy', x: 'x', weight: 'weight', mean: mean ? 'mean' : null, rstd: 'rstd' },
    writes: { dx: 'dx' },
    params: sizes(x),
    overrides: { VECTOR: Number(vector), LANES: lanesFor(columns) },
    workgroups: rowsOf(x),
    widths: { dy: width, x: width, weight: width, dx: width },
  };
}

/** Sums over all rows of `dy`, or of `dy` times what the norm made of x before its weight. */
export const columnsPass = (
  { x, mean }: Pick<Types, 'x' | 'mean'>,
  result: string,
  { dy = 'dy', normal }: { readonly dy?: string; readonly normal: boolean },
): Pass => ({
  label: result,
  source: columnsSource,
  reads: {
    dy,
    x: normal ? 'x' : null,
    mean: normal && mean ? 'mean' : null,
    rstd: normal ? 'rstd' : null,
  },
  writes: { y: result },
  params: sizes(x),
  workgroups: Math.ceil(last(x) / 16),
});
