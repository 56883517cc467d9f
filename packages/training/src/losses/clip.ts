import type { LanguageModelModel } from '@emu-ts/contracts';
import { add, gather, iota, last, mul, reshape, slice } from '@emu-ts/graph';
import { layerNorm, linear, linearParams } from '@emu-ts/nn';
import { normal, type Param, type ParamTree, param } from '@emu-ts/params';
import {
  type EvaClipConfig,
  evaClipFeatures,
  type VisualEncoderTree,
  visualEncoderParams,
} from '@emu-ts/visual-encoder';
import { mergeTrees, part } from '../objective/compose.js';
import { readRows } from '../objective/read.js';
import type { ContrastiveModel } from './contrastive.js';

/** What contrastive training needs beside the two towers; it is thrown away afterwards. */
export type ClipTree = {
  readonly clip: { readonly text_projection: { readonly weight: Param }; readonly logit_scale: Param };
};

/**
 * EVA-CLIP's own head on the class token (`visual.norm` and `visual.head`, which Emu never uses again) against a language
 * model's hidden state at the last token of the text.
 */
export function clipModel<L extends ParamTree>(
  vision: EvaClipConfig,
  language: LanguageModelModel<L>,
): ContrastiveModel<VisualEncoderTree & ClipTree & L> {
  const { width } = language;
  const own = {
    clip: {
      text_projection: linearParams(width, vision.embedDim, { bias: false, init: normal(width ** -0.5) }),
      // ln(1/0.07), as CLIP starts.
      logit_scale: param([], normal(0, Math.log(1 / 0.07))),
    },
  };
  return {
    params: mergeTrees([visualEncoderParams(vision), own, language.params]) as VisualEncoderTree &
      ClipTree &
      L,
    imageFeatures(p, pixels) {
      const { visual } = part<VisualEncoderTree>(p);
      const features = evaClipFeatures(visual, pixels, vision); // [b n c]
      const [b, , c] = features.shape;
      const whole = reshape(slice(features, 1, 0, 1), [b, c]);
      return linear(visual.head, layerNorm(visual.norm, whole, vision.normEps));
    },
    textFeatures(p, ids, ends) {
      const words = part<L>(p);
      const hidden = readRows(language, words, language.embed(words, ids)); // [b t c]
      const [b, t] = ids.shape;
      const rows = add(mul(iota([b], 0), t), ends);
      const at = gather(reshape(hidden, [b * t, last(hidden)]), rows);
      return linear(part<ClipTree>(p).clip.text_projection, at);
    },
    logScale: (p) => part<ClipTree>(p).clip.logit_scale,
  };
}
