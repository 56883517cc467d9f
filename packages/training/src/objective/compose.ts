import { EmuError } from '@emu-ts/base';
import type {
  CausalTransformerModel,
  LanguageModelModel,
  RegressionHeadModel,
  VisualEncoderModel,
} from '@emu-ts/contracts';
import type { Param, Params, ParamTree } from '@emu-ts/params';
import type { InterleavedModel } from './model.js';
import { readRows } from './read.js';

export interface ModelParts<
  V extends ParamTree,
  C extends ParamTree,
  L extends ParamTree,
  H extends ParamTree,
> {
  readonly visualEncoder: VisualEncoderModel<V>;
  readonly causalTransformer: CausalTransformerModel<C>;
  readonly languageModel: LanguageModelModel<L>;
  readonly regressionHead: RegressionHeadModel<H>;
}

/**
 * Components as one model. Their parameter trees carry full checkpoint paths and are merged. Throws `CONFIG` when widths
 * do not meet, `NAME_CLASH` when two components name the same weight.
 */
export function composeModel<
  V extends ParamTree,
  C extends ParamTree,
  L extends ParamTree,
  H extends ParamTree,
>(parts: ModelParts<V, C, L, H>): InterleavedModel<V & C & L & H> {
  const { visualEncoder, causalTransformer, languageModel, regressionHead } = parts;
  meet('image encoder', visualEncoder.width, 'causal transformer', causalTransformer.inputWidth);
  meet('causal transformer', causalTransformer.outputWidth, 'language model', languageModel.width);
  meet('language model', languageModel.width, 'regression head', regressionHead.width);
  meet('regression head', regressionHead.embeddingWidth, 'language model', languageModel.width);
  return {
    params: mergeTrees([visualEncoder, causalTransformer, languageModel, regressionHead].map(treeOf)) as V &
      C &
      L &
      H,
    queries: causalTransformer.queries,
    embedImages: (p, pixels) =>
      causalTransformer.forward(part<C>(p), visualEncoder.forward(part<V>(p), pixels)),
    embedTokens: (p, ids) => languageModel.embed(part<L>(p), ids),
    read: (p, embeddings, options) => readRows(languageModel, part<L>(p), embeddings, options),
    logits: (p, hidden) => languageModel.logits(part<L>(p), hidden),
    regress: (p, hidden) => regressionHead.forward(part<H>(p), hidden),
  };
}

const treeOf = ({ params }: { readonly params: ParamTree }): ParamTree => params;

/** The weights of the whole as those of a part: the part reads only its own names. */
export const part = <T extends ParamTree>(p: unknown): Params<T> => p as Params<T>;

function meet(giver: string, given: number, taker: string, taken: number): void {
  if (given === taken) return;
  throw new EmuError('CONFIG', `The ${giver} gives vectors of ${given}, the ${taker} takes ${taken}.`);
}

/** Trees side by side in one. Throws `NAME_CLASH` when a weight is in two of them. */
export const mergeTrees = (trees: readonly ParamTree[]): ParamTree => trees.reduce((a, b) => merge(a, b, ''));

function merge(a: ParamTree, b: ParamTree, path: string): ParamTree {
  if (!isBranch(a) || !isBranch(b)) {
    throw new EmuError('NAME_CLASH', `Two components have weights named '${path || '(root)'}'.`);
  }
  const merged: Record<string, ParamTree> = { ...a };
  for (const [name, child] of Object.entries(b)) {
    merged[name] = name in a ? merge(a[name], child, path ? `${path}.${name}` : name) : child;
  }
  return merged;
}

const isBranch = (tree: unknown): tree is Record<string, ParamTree> =>
  typeof tree === 'object' && tree !== null && !Array.isArray(tree) && (tree as Param).kind !== 'param';
