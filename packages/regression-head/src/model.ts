import type { RegressionHeadModel } from '@emu-ts/contracts';
import { type LinearTree, linear, linearParams } from '@emu-ts/nn';
import type { Params, ParamTree } from '@emu-ts/params';

export interface LinearHeadConfig {
  /** Elements of a hidden state of the language model. */
  readonly width: number;
  /** Elements of an image embedding. Default `width`: Emu predicts in the space of its input embeddings. */
  readonly embeddingWidth?: number | undefined;
}

/** Emu-14B's head: 5120 × 5120. */
export const linearHead14B: LinearHeadConfig = { width: 5120 };

/** The head's weight, named as in the reference: one matrix, no bias. */
export const linearHeadParams = ({ width, embeddingWidth = width }: LinearHeadConfig) => ({
  stu_regress_head: linearParams(width, embeddingWidth, { bias: false }),
});

/**
 * Emu's regression head as weights and a pure function. It reads the hidden state after the final norm, and what it
 * predicts can be fed back as the next input embedding (paper, section 2.2).
 *
 * @param prefix where the head stands in the checkpoint: beside the language model's own
 */
export function linearHead(config: LinearHeadConfig, prefix = 'decoder.lm'): RegressionHeadModel {
  const { width, embeddingWidth = width } = config;
  const path = [...prefix.split('.'), 'stu_regress_head'];
  const { stu_regress_head } = linearHeadParams(config);
  const inside = (p: Params<ParamTree>) =>
    path.reduce((tree, name) => (tree as Record<string, typeof p>)[name], p) as unknown as Params<LinearTree>;
  return {
    width,
    embeddingWidth,
    params: path.reduceRight<ParamTree>((tree, name) => ({ [name]: tree }), stu_regress_head as ParamTree),
    forward: (p, hidden) => linear(inside(p), hidden),
  };
}
