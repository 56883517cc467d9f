import type { TensorType } from '@emu-ts/graph';
import type { GpuView, Overrides } from '@emu-ts/webgpu/kernel';

/** How a product in tiles is multiplied: most rows of a tile, whose columns are 64, and what pieces of k are made of. */
export interface Way {
  /** In plans. */
  readonly name: string;
  readonly rows: number;
  readonly step: number;
  readonly units: boolean;
}

export const inRegisters: Way = { name: 'tiled', rows: 64, step: 16, units: false };

/** Operands are rounded to f16, sums are f32. */
export const onMatrixUnits: Way = { name: 'matrix units', rows: 128, step: 32, units: true };

/** True, or why a way is closed on a device. */
export const wayOpen = ({ units }: Way, gpu: GpuView): true | string => !units || gpu.matrixUnits;

/**
 * Rows of a tile of y [m n]: fewer where they save a quarter of the work, which is half of it for the 32 queries of a picture.
 * Matrices of units have a height of their own.
 */
function heightOf(m: number, { rows, units }: Way): number {
  if (units) return rows;
  const worked = (height: number) => Math.ceil(m / height) * height;
  if (m <= rows / 4) return rows / 4;
  return 4 * worked(rows / 2) <= 3 * worked(rows) ? rows / 2 : rows;
}

/** Overrides of a product in tiles of y [m n]. */
export const tiling = (way: Way, m: number, ...operands: readonly TensorType[]): Overrides =>
  way.units ? rounding(way, ...operands) : { DOWN: heightOf(m, way) / 4 };

/** Whether operands may lie beyond the range of f16. */
export const rounding = ({ units }: Way, ...operands: readonly TensorType[]): Overrides =>
  units ? { CLAMPS: Number(operands.some(({ dtype }) => dtype !== 'f16')) } : {};

/** Workgroups that keep a large GPU busy, and most pieces of k. */
const manyWorkgroups = 256;
const mostSplits = 8;

/**
 * Tiles of a product [batch m k] × [k n], and pieces of k, with their length, that keep a large GPU busy with so many.
 * @param shortest a piece of k that is worth a workgroup
 * @param group elements of k that stay together
 */
export function tilesOf(
  {
    batch = 1,
    m,
    n,
    k,
  }: { readonly batch?: number; readonly m: number; readonly n: number; readonly k: number },
  way: Way,
  { shortest = 256, group = 1 } = {},
): { tiles: number; splits: number; span: number } {
  const tiles = batch * Math.ceil(m / heightOf(m, way)) * Math.ceil(n / 64);
  const pieces = Math.min(
    Math.floor(manyWorkgroups / Math.max(1, tiles)),
    Math.floor(k / shortest),
    mostSplits,
  );
  const whole = Math.max(way.step, group);
  const span = Math.ceil(k / Math.max(1, pieces) / whole) * whole;
  return { tiles, span, splits: Math.max(1, Math.ceil(k / Math.max(1, span))) };
}
