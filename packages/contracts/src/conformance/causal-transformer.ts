import type { CausalTransformer } from '../causal-transformer.js';
import type { ConformanceCheck } from './check.js';
import { subjectChecks } from './tensor-function.js';

/**
 * What a replacement for the causal transformer must keep.
 * @param create makes a new one, with weights, at every call
 * @param tokens feature vectors that the image encoder gives for one picture
 */
export const causalTransformerChecks = (
  create: () => Promise<CausalTransformer>,
  tokens: number,
): ConformanceCheck[] =>
  subjectChecks(async () => {
    const transformer = await create();
    const { queries, inputWidth, outputWidth } = transformer;
    return {
      input: [tokens, inputWidth],
      output: [queries, outputWidth],
      call: (features, options) => transformer.embed(features, options),
      dispose: () => transformer.dispose(),
    };
  });
