/// <reference path="../wgsl.d.ts" />
import { size, type TensorType, tensorType } from '@emu-ts/graph';
import type { ManyPasses, Overrides, Params, Pass, Tiles, Width } from '../kernel/kernel.js';
import { groupsFor, u32s } from './geometry.js';
import sumSource from './sum-splits.wgsl';

type Types = Readonly<Record<string, TensorType>>;

/** A product of batch × [m k] × [k n], and what its source reads beside the parameters of tiles. */
export interface Product {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly params: Params;
  readonly overrides?: Overrides;
  readonly widths?: Readonly<Record<string, Width>>;
}

/**
 * Rows of a tile and what spans of k are made of, with and without matrix units. Without, tiles have fewer rows where that saves
 * a quarter of the work.
 */
function sizesOf(m: number, { units }: Tiles): { rows: number; step: number } {
  if (units) return { rows: 128, step: 32 };
  const worked = (rows: number) => Math.ceil(m / rows) * rows;
  return { rows: m <= 16 ? 16 : 4 * worked(32) <= 3 * worked(64) ? 32 : 64, step: 16 };
}

interface Tiled<A> {
  readonly name: string;
  readonly source: string;
  readonly tiles: Tiles;
  readonly reads: readonly string[];
  /** What else must hold. */
  supports?(types: Types): true | string;
  product(types: Types, attrs: A): Product;
}

/** Workgroups that keep a large GPU busy, the shortest piece of k that is worth one, and most pieces. */
const manyWorkgroups = 256;
const shortestSpan = 512;
const mostSplits = 16;

function tilesOf({ batch, m, n, k }: Product, form: Tiles) {
  const { rows, step } = sizesOf(m, form);
  const tiles = batch * Math.ceil(m / rows) * Math.ceil(n / 64);
  const most = Math.min(Math.floor(k / shortestSpan), mostSplits);
  const wanted = Math.min(Math.floor(manyWorkgroups / Math.max(1, tiles)), most);
  const span = wanted > 1 ? Math.ceil(k / wanted / step) * step : k;
  return { tiles, span, splits: Math.max(1, Math.ceil(k / Math.max(1, span))) };
}

/** A product in tiles; where there are few and k is long, it is split over workgroups, and another pass adds up. */
export const tiledProduct = <A>({
  name,
  source,
  tiles: form,
  reads,
  supports,
  product,
}: Tiled<A>): ManyPasses<Types, A> => ({
  name,
  supports: (types, attrs, gpu) => {
    if (form.units && gpu.matrixUnits !== true) return gpu.matrixUnits;
    const refused = supports?.(types) ?? true;
    if (refused !== true) return refused;
    const { m, n, k } = product(types, attrs);
    return (
      Math.min(m, n, k) >= 16 || `a tile of ${sizesOf(m, form).rows} × 64 is wasted on ${m} × ${k} × ${n}`
    );
  },
  scratch: (types, attrs): Record<string, TensorType> => {
    const { splits } = tilesOf(product(types, attrs), form);
    return splits > 1 ? { partial: tensorType('f32', [splits, size(types.y)]) } : {};
  },
  passes: (types, attrs) => {
    const { params, overrides, widths, ...sizes } = product(types, attrs);
    const { tiles, span, splits } = tilesOf({ params, ...sizes }, form);
    const pass: Pass = {
      label: splits > 1 ? 'tiles' : undefined,
      source,
      tiles: form,
      reads: Object.fromEntries(reads.map((operand) => [operand, operand])),
      writes: { y: splits > 1 ? 'partial' : 'y' },
      params: { ...params, ...u32s({ ...sizes, span, tiles: tiles * splits }) },
      overrides: form.units ? overrides : { ...overrides, DOWN: sizesOf(sizes.m, form).rows / 4 },
      widths,
      workgroups: tiles * splits,
    };
    if (splits === 1) return [pass];
    const sum: Pass = {
      label: 'sum',
      source: sumSource,
      reads: { partial: 'partial' },
      writes: { y: 'y' },
      params: u32s({ size: size(types.y), splits }),
      workgroups: groupsFor(size(types.y)),
    };
    return [pass, sum];
  },
});
