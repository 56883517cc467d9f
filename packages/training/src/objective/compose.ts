import { EmuError } from '@emu-ts/base';
import type { CausalTransformerModel, VisualEncoderModel } from '@emu-ts/contracts';
import type { Value } from '@emu-ts/graph';
import {
  embedTokens,
  type LlamaConfig,
  llama,
  llamaParams,
  llamaPrefix,
  logits,
} from '@emu-ts/language-model';
import { linear, linearParams } from '@emu-ts/nn';
import type { Param, Params, ParamTree } from '@emu-ts/params';
import type { InterleavedModel } from './model.js';

/** A language model as weights and pure functions: the part of `InterleavedModel` that reads. */
export type LanguagePart<T extends ParamTree> = Pick<
  InterleavedModel<T>,
  'params' | 'embedTokens' | 'read' | 'logits'
>;

/** A regression head as weights and a pure function. */
export type HeadPart<T extends ParamTree> = Pick<InterleavedModel<T>, 'params' | 'regress'>;

export interface ModelParts<
  V extends ParamTree,
  C extends ParamTree,
  L extends ParamTree,
  H extends ParamTree,
> {
  readonly visualEncoder: VisualEncoderModel<V>;
  readonly causalTransformer: CausalTransformerModel<C>;
  readonly language: LanguagePart<L>;
  readonly head: HeadPart<H>;
}

/** Components as one model. Their parameter trees carry full checkpoint paths and are merged. */
export function composeModel<
  V extends ParamTree,
  C extends ParamTree,
  L extends ParamTree,
  H extends ParamTree,
>(parts: ModelParts<V, C, L, H>): InterleavedModel<V & C & L & H> {
  const { visualEncoder, causalTransformer, language, head } = parts;
  if (visualEncoder.width !== causalTransformer.inputWidth) {
    throw new EmuError(
      'CONFIG',
      `The image encoder gives features of ${visualEncoder.width}, the causal transformer takes ${causalTransformer.inputWidth}.`,
    );
  }
  const trees = [visualEncoder, causalTransformer, language, head].map(({ params }) => params as ParamTree);
  return {
    params: trees.reduce((a, b) => mergeTrees(a, b)) as V & C & L & H,
    queries: causalTransformer.queries,
    embedImages: (p, pixels) =>
      causalTransformer.forward(
        p as unknown as Params<C>,
        visualEncoder.forward(p as unknown as Params<V>, pixels),
      ),
    embedTokens: (p, ids) => language.embedTokens(p as unknown as Params<L>, ids),
    read: (p, embeddings, mask) => language.read(p as unknown as Params<L>, embeddings, mask),
    logits: (p, hidden) => language.logits(p as unknown as Params<L>, hidden),
    regress: (p, hidden) => head.regress(p as unknown as Params<H>, hidden),
  };
}

/** A LLaMA where the checkpoint has it: below `decoder.lm`, or below peft's path when the configuration has LoRA. */
export function llamaPart(config: LlamaConfig): LanguagePart<ParamTree> {
  const path = llamaPrefix(config).split('.');
  const own = (p: unknown) => at(p, path) as Params<ReturnType<typeof llamaParams>>;
  return {
    params: below(path, llamaParams(config) as unknown as ParamTree),
    embedTokens: (p, ids) => embedTokens(own(p), ids),
    read: (p, embeddings, mask) => llama(own(p), { embeddings, mask }, config),
    logits: (p, hidden) => logits(own(p), hidden),
  };
}

/** Emu's regression head: one matrix beside the language model's own head. */
export function linearHeadPart(config: LlamaConfig): HeadPart<ParamTree> {
  const path = [...llamaPrefix(config).split('.'), 'stu_regress_head'];
  return {
    params: below(path, linearParams(config.width, config.width, { bias: false }) as unknown as ParamTree),
    regress: (p, hidden) => linear(at(p, path) as { weight: Value }, hidden),
  };
}

const below = (path: readonly string[], tree: ParamTree): ParamTree =>
  path.reduceRight<ParamTree>((inner, name) => ({ [name]: inner }), tree);

const at = (tree: unknown, path: readonly string[]): unknown =>
  path.reduce((node, name) => (node as Record<string, unknown>)[name], tree);

const isBranch = (tree: unknown): tree is Record<string, ParamTree> =>
  typeof tree === 'object' && tree !== null && !Array.isArray(tree) && (tree as Param).kind !== 'param';

/** Both trees in one. Throws when a path is in both. */
export function mergeTrees(a: ParamTree, b: ParamTree, path = ''): ParamTree {
  if (!isBranch(a) || !isBranch(b)) {
    throw new EmuError('NAME_CLASH', `Two components have weights named '${path || '(root)'}'.`);
  }
  const merged: Record<string, ParamTree> = { ...a };
  for (const [name, child] of Object.entries(b)) {
    merged[name] = name in a ? mergeTrees(a[name], child, path ? `${path}.${name}` : name) : child;
  }
  return merged;
}
