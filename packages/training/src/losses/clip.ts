import { add, gather, iota, last, mul, reshape, slice, type Value } from '@emu-ts/graph';
import { layerNorm, linear, linearParams } from '@emu-ts/nn';
import { normal, type Param, type Params, type ParamTree, param } from '@emu-ts/params';
import {
  type EvaClipConfig,
  evaClipFeatures,
  type VisualEncoderTree,
  visualEncoderParams,
} from '@emu-ts/visual-encoder';
import { type LanguagePart, mergeTrees } from '../objective/compose.js';
import type { ContrastiveModel } from './contrastive.js';

/** What contrastive training needs beside the two towers; it is thrown away afterwards. */
export interface ClipTree {
  readonly clip: { readonly text_projection: { readonly weight: Param }; readonly logit_scale: Param };
  readonly [name: string]: ParamTree;
}

/**
 * EVA-CLIP's own head on the class token (`visual.norm` and `visual.head`, which Emu never uses again) against a language
 * model's hidden state at the last token of the text.
 * @param width of the language model
 */
export function clipModel<L extends ParamTree>(
  vision: EvaClipConfig,
  language: LanguagePart<L>,
  width: number,
): ContrastiveModel<VisualEncoderTree & ClipTree & L> {
  const own = {
    clip: {
      text_projection: linearParams(width, vision.embedDim, { bias: false, init: normal(width ** -0.5) }),
      // ln(1/0.07), as CLIP starts.
      logit_scale: param([], normal(0, Math.log(1 / 0.07))),
    },
  };
  const trees: ParamTree[] = [visualEncoderParams(vision), own, language.params];
  return {
    params: trees.reduce((a, b) => mergeTrees(a, b)) as VisualEncoderTree & ClipTree & L,
    imageFeatures(p, pixels) {
      const { visual } = p as unknown as Params<VisualEncoderTree>;
      const features = evaClipFeatures(visual, pixels, vision); // [b n c]
      const [b, , c] = features.shape;
      const whole = reshape(slice(features, 1, 0, 1), [b, c]);
      return linear(visual.head, layerNorm(visual.norm, whole, vision.normEps));
    },
    textFeatures(p, ids, ends) {
      const words = p as unknown as Params<L>;
      const hidden = language.read(words, language.embedTokens(words, ids), undefined); // [b t c]
      const [b, t] = ids.shape;
      const rows = add(mul(iota([b], 0), t), ends);
      const at = gather(reshape(hidden, [b * t, last(hidden)]), rows);
      return linear(
        (p as unknown as { clip: { text_projection: { weight: Value } } }).clip.text_projection,
        at,
      );
    },
    logScale: (p) => (p as unknown as { clip: { logit_scale: Value } }).clip.logit_scale,
  };
}
