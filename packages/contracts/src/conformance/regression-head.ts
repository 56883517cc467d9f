import type { RegressionHead } from '../regression-head.js';
import type { ConformanceCheck } from './check.js';
import { subjectChecks } from './tensor-function.js';

/** What a replacement for the regression head must keep. `create` makes a new one, with weights, at every call. */
export const regressionHeadChecks = (create: () => Promise<RegressionHead>): ConformanceCheck[] =>
  subjectChecks(async () => {
    const head = await create();
    const { width, embeddingWidth } = head;
    return {
      input: [width],
      output: [embeddingWidth],
      call: (hidden, options) => head.predict(hidden, options),
      dispose: () => head.dispose(),
    };
  });
