/// <reference path="../wgsl.d.ts" />
import { type TensorType, tensorType } from '@emu-ts/graph';
import type { ManyPasses, Overrides, Params, Pass, SinglePass, Width } from '@emu-ts/webgpu/kernel';
import { rowsOf, u32, vectorises } from '../rows.js';
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

/** Workgroups that keep a large GPU busy. */
const manyWorkgroups = 256;
const shortestSpan = 256;

export interface Tiles {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly tiles: number;
  readonly splits: number;
  readonly span: number;
}

function tilesOf<T extends ProductTypes, A>(product: Product<T, A>, types: T): Tiles {
  const [n, k] = product.size(types);
  const m = product.rows?.(types) ?? rowsOf(types.x);
  const tiles = Math.ceil(m / 64) * Math.ceil(n / 64);
  return { m, n, k, tiles, ...splitsOf(tiles, k, product.group) };
}

/** Pieces of k, and their length, that keep a large GPU busy with so many tiles. @param group elements of k that stay together */
export function splitsOf(tiles: number, k: number, group = 1): { splits: number; span: number } {
  const wanted = Math.min(Math.floor(manyWorkgroups / Math.max(1, tiles)), Math.floor(k / shortestSpan), 8);
  const step = Math.max(16, group);
  const span = Math.ceil(k / Math.max(1, wanted) / step) * step;
  return { span, splits: Math.max(1, Math.ceil(k / Math.max(1, span))) };
}

/** True, or why a tile of 64 × 64 is not worth its work. */
export function tileable<T extends ProductTypes, A>(product: Product<T, A>, types: T): true | string {
  const [n, k] = product.size(types);
  return Math.min(n, k) >= 8 || `a tile of 64 × 64 is wasted on ${n} outputs of ${k} inputs`;
}

function tilePass<T extends ProductTypes, A>(
  product: Product<T, A>,
  types: T,
  attrs: A,
  tiles: Tiles,
  epilogue: Epilogue<A> | undefined,
): Pass {
  const { m, n, k } = tiles;
  const [span, count] = epilogue ? [k, tiles.tiles] : [tiles.span, tiles.tiles * tiles.splits];
  return {
    label: epilogue ? undefined : 'tiles',
    source: [product.operands, epilogue?.source ?? finishLater, tilesSource].join('\n'),
    tiles: { a: 'along', b: 'along' },
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

/** Register tiles of 64 × 64, with k split over workgroups where there are few tiles, and a pass that adds up. */
export function splitRung<T extends ProductTypes, A>(
  product: Product<T, A>,
  name: string,
  last: (tiles: Tiles, types: T, attrs: A) => Pass,
): ManyPasses<T, A> {
  return {
    name: `${name} tiled split`,
    supports: (types) => {
      const tiles = tilesOf(product, types);
      if (tiles.splits < 2) return `${tiles.tiles} tiles of ${tiles.k} inputs keep a GPU busy`;
      return tileable(product, types);
    },
    scratch: (types) => {
      const { m, n, splits } = tilesOf(product, types);
      return { partial: tensorType('f32', [splits, m, n]) };
    },
    passes: (types, attrs) => {
      const tiles = tilesOf(product, types);
      return [tilePass(product, types, attrs, tiles, undefined), last(tiles, types, attrs)];
    },
  };
}

/** The same, and whole products where there are tiles enough. */
export function tiledRungs<T extends ProductTypes, A>(
  product: Product<T, A>,
  epilogue: Epilogue<A>,
): readonly [split: ManyPasses<T, A>, whole: ManyPasses<T, A>] {
  const name = `${product.name}${epilogue.suffix}`;
  const whole: ManyPasses<T, A> = {
    name: `${name} tiled`,
    supports: (types) => tileable(product, types),
    passes: (types, attrs) => [tilePass(product, types, attrs, tilesOf(product, types), epilogue)],
  };
  return [splitRung(product, name, (tiles, types, attrs) => sumPass(tiles, types, epilogue, attrs)), whole];
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
