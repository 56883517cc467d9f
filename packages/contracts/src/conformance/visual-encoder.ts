import type { VisualEncoder } from '../visual-encoder.js';
import type { ConformanceCheck } from './check.js';
import { subjectChecks } from './tensor-function.js';

/** What a replacement for the image encoder must keep. `create` makes a new one, with weights, at every call. */
export const visualEncoderChecks = (create: () => Promise<VisualEncoder>): ConformanceCheck[] =>
  subjectChecks(async () => {
    const encoder = await create();
    const { imageSize, tokens, width } = encoder;
    return {
      input: [3, imageSize, imageSize],
      output: [tokens, width],
      call: (pixels, options) => encoder.encode(pixels, options),
      dispose: () => encoder.dispose(),
    };
  });
