import type { DType } from '@emu-ts/base';
import { input, type TensorType, type Value } from '@emu-ts/graph';

/** How a weight starts before training. Each draws from its own stream of the seed, whatever the order. */
export type Initializer =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' }
  /** N(mean, std²) */
  | { readonly kind: 'normal'; readonly mean: number; readonly std: number }
  /** U(−bound, bound) */
  | { readonly kind: 'uniform'; readonly bound: number };

/** One weight: everything that is known of it before it has numbers. */
export interface Param extends TensorType {
  readonly kind: 'param';
  readonly init: Initializer;
}

/** Weights by name. The path through the tree, joined by dots, is the checkpoint's name: `blocks.3.attn.qkv.weight`. */
export type ParamTree = Param | { readonly [name: string]: ParamTree | undefined } | readonly ParamTree[];

/** A parameter tree with a value in place of each weight: what a model function takes. */
export type Params<T> = T extends Param
  ? Value
  : T extends readonly (infer Item)[]
    ? readonly Params<Item>[]
    : { readonly [K in keyof T]: Params<T[K]> };

export const zeros: Initializer = { kind: 'zeros' };
export const ones: Initializer = { kind: 'ones' };
export const normal = (std: number, mean = 0): Initializer => ({ kind: 'normal', mean, std });
export const uniform = (bound: number): Initializer => ({ kind: 'uniform', bound });

export const param = (shape: readonly number[], init: Initializer, dtype: DType = 'f32'): Param => ({
  kind: 'param',
  shape,
  dtype,
  init,
});

const isParam = (tree: ParamTree): tree is Param => (tree as Param).kind === 'param';

/** All weights of a tree by checkpoint name, in the tree's order. `prefix` has no trailing dot. */
export function flatten(tree: ParamTree, prefix = ''): Map<string, Param> {
  const out = new Map<string, Param>();
  const walk = (node: ParamTree, path: string) => {
    if (isParam(node)) out.set(path, node);
    else
      for (const [name, child] of Object.entries(node))
        if (child) walk(child, path ? `${path}.${name}` : name);
  };
  walk(tree, prefix);
  return out;
}

/** The same tree with `leaf(name, weight)` in place of each weight. */
export function mapParams<T extends ParamTree, R>(
  tree: T,
  leaf: (name: string, weight: Param) => R,
  prefix = '',
): unknown {
  if (isParam(tree)) return leaf(prefix, tree);
  const join = (name: string | number) => (prefix ? `${prefix}.${name}` : `${name}`);
  if (Array.isArray(tree)) return tree.map((child, i) => mapParams(child, leaf, join(i)));
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([, child]) => child)
      .map(([name, child]) => [name, mapParams(child as ParamTree, leaf, join(name))]),
  );
}

/** Graph inputs for every weight, named by checkpoint path. Inputs a graph does not use are never uploaded. */
export const paramInputs = <const T extends ParamTree>(tree: T, prefix = ''): Params<T> =>
  mapParams(tree, (name, weight) => input(name, weight), prefix) as Params<T>;

/** The same tree stored in another float format: everything, or the weights `which` picks by name. */
export const withDtype = <const T extends ParamTree>(
  tree: T,
  dtype: DType,
  which: (name: string, weight: Param) => boolean = () => true,
): T => mapParams(tree, (name, weight) => (which(name, weight) ? { ...weight, dtype } : weight)) as T;
