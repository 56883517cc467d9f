/// <reference path="../wgsl.d.ts" />
import { type TensorType, tensorType } from '@emu-ts/graph';
import type { ManyPasses, Overrides, Params, Pass, SinglePass, Width } from '@emu-ts/webgpu/kernel';
import { rowsOf, u32, vectorises } from '../rows.js';
import { inRegisters, tilesOf, tiling, type Way, wayOpen } from '../ways.js';
import finish from './finish.wgsl';
import finishLater from './finish-later.wgsl';
import sumSource from './linear-sum.wgsl';
import tilesSource from './linear-tiles.wgsl';

/**
 * What every product y = x Wᵀ + b shares, however W is stored: a text with `fetch_w` stands before the kernel, and this
 * description says how W's operands are bound.
 */
export interface Product<T, A = unknown> {
  readonly name: string;
  /** `operand-x.wgsl` and the text with `fetch_w`. */
  readonly operands: string;
  /** Operands of the op that make up W. */
  readonly weights: readonly (keyof T & string)[];
  /** [n k] */
  size(types: T): readonly [n: number, k: number];
  /** Rows of y. Default those of x. */
  rows?(types: T): number;
  params?(types: T, attrs: A): Params;
  overrides?(types: T): Overrides;
  widths(types: T): Readonly<Record<string, Width>>;
  /** Elements of k that one `fetch_w` group shares: a split never cuts one. */
  readonly group: number;
}

/** What follows a product in the same kernel: a text with `finish`, and what that reads. */
export interface Epilogue<A> {
  /** Of the op, for plans. */
  readonly suffix: string;
  readonly source: string;
  readonly reads: readonly string[];
  params?(types: ProductTypes): Params;
  overrides?(attrs: A): Overrides;
}

export const plain: Epilogue<Record<string, never>> = { suffix: '', source: finish, reads: ['bias'] };

export interface ProductTypes {
  readonly x: TensorType;
  readonly bias?: TensorType | undefined;
  readonly y: TensorType;
}

/** Rows of x up to which reading the weight is all that counts. */
export const fewRows = 8;

/** Rows of x that one workgroup of a kernel for few rows takes: all, or halves of what is beyond eight. */
export const rowsAtOnce = (m: number): number => Math.max(1, Math.ceil(m / Math.ceil(m / fewRows)));

export interface Tiles {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly tiles: number;
  readonly splits: number;
  readonly span: number;
}

const rowsIn = <T extends ProductTypes, A>(product: Product<T, A>, types: T): number =>
  product.rows?.(types) ?? rowsOf(types.x);

function tilesIn<T extends ProductTypes, A>(product: Product<T, A>, types: T, way: Way): Tiles {
  const [n, k] = product.size(types);
  const sizes = { m: rowsIn(product, types), n, k };
  return { ...sizes, ...tilesOf(sizes, way, { group: product.group }) };
}

/** True, or why a tile is not worth its work. */
export function tileable<T extends ProductTypes, A>(
  product: Product<T, A>,
  types: T,
  { rows, units }: Way = inRegisters,
): true | string {
  const [n, k] = product.size(types);
  const m = rowsIn(product, types);
  if (units && m <= fewRows) return `${m} rows <= ${fewRows}`;
  return Math.min(n, k) >= 8 || `a tile of ${rows} × 64 is wasted on ${n} outputs of ${k} inputs`;
}

function tilePass<T extends ProductTypes, A>(
  product: Product<T, A>,
  types: T,
  attrs: A,
  way: Way,
  epilogue: Epilogue<A> | undefined,
): Pass {
  const tiles = tilesIn(product, types, way);
  const { m, n, k } = tiles;
  const [span, count] = epilogue ? [k, tiles.tiles] : [tiles.span, tiles.tiles * tiles.splits];
  return {
    label: epilogue ? undefined : 'tiles',
    source: [product.operands, epilogue?.source ?? finishLater, tilesSource].join('\n'),
    tiles: { a: 'along', b: 'along', units: way.units },
    reads: { x: 'x', ...named(product.weights), ...named(epilogue?.reads ?? []) },
    writes: { y: epilogue ? 'y' : 'partial' },
    params: {
      m: u32(m),
      n: u32(n),
      k: u32(k),
      batch: u32(1),
      span: u32(span),
      tiles: u32(count),
      ...product.params?.(types, attrs),
      ...epilogue?.params?.(types),
    },
    overrides: {
      VECTOR: Number(vectorises(k, types.x)),
      ...tiling(way, m, types.x, ...product.weights.map((name) => types[name] as TensorType)),
      ...product.overrides?.(types),
      ...epilogue?.overrides?.(attrs),
    },
    workgroups: count,
    widths: { x: vectorises(k, types.x) ? 4 : 1, ...product.widths(types) },
  };
}

const named = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, name]));

/** A kernel without its op. */
export type Rung<T, A> = SinglePass<T, A> | ManyPasses<T, A>;

/** Tiles with k split over workgroups where there are few of them, and a pass that adds up. */
export function splitRung<T extends ProductTypes, A>(
  product: Product<T, A>,
  name: string,
  last: (tiles: Tiles, types: T, attrs: A) => Pass,
  way: Way = inRegisters,
): ManyPasses<T, A> {
  return {
    name: `${name} ${way.name} split`,
    supports: (types, _, gpu) => {
      const open = wayOpen(way, gpu);
      if (open !== true) return open;
      const { tiles, splits, k } = tilesIn(product, types, way);
      if (splits < 2) return `${tiles} tiles of ${k} inputs keep a GPU busy`;
      return tileable(product, types, way);
    },
    scratch: (types) => {
      const { m, n, splits } = tilesIn(product, types, way);
      return { partial: tensorType('f32', [splits, m, n]) };
    },
    passes: (types, attrs) => [
      tilePass(product, types, attrs, way, undefined),
      last(tilesIn(product, types, way), types, attrs),
    ],
  };
}

/** The same, and whole products where there are tiles enough. */
export function tiledRungs<T extends ProductTypes, A>(
  product: Product<T, A>,
  epilogue: Epilogue<A>,
  way: Way = inRegisters,
): readonly [split: ManyPasses<T, A>, whole: ManyPasses<T, A>] {
  const name = `${product.name}${epilogue.suffix}`;
  const whole: ManyPasses<T, A> = {
    name: `${name} ${way.name}`,
    supports: (types, _, gpu) => {
      const open = wayOpen(way, gpu);
      return open === true ? tileable(product, types, way) : open;
    },
    passes: (types, attrs) => [tilePass(product, types, attrs, way, epilogue)],
  };
  const sum = (tiles: Tiles, types: T, attrs: A) => sumPass(tiles, types, epilogue, attrs);
  return [splitRung(product, name, sum, way), whole];
}

/** Sums that are the result. */
export const bare: Epilogue<unknown> = { suffix: '', source: finishLater, reads: [] };

/** Adds up the partial results of a product. */
export const sumPass = <A>(
  { m, n, splits }: Pick<Tiles, 'm' | 'n' | 'splits'>,
  types: ProductTypes,
  { source, reads, params, overrides }: Epilogue<A>,
  attrs: A,
): Pass => ({
  label: 'sum',
  source: `${source}\n${sumSource}`,
  reads: { partial: 'partial', ...named(reads) },
  writes: { y: 'y' },
  params: { size: u32(m * n), n: u32(n), splits: u32(splits), ...params?.(types) },
  overrides: overrides?.(attrs),
  workgroups: Math.ceil((m * n) / 256),
});
