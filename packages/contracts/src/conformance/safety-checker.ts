import { random } from '@emu-ts/base';
import type { RgbImage } from '../image-decoder.js';
import type { SafetyChecker } from '../safety-checker.js';
import { type ConformanceCheck, expectRejection, expectThat } from './check.js';

/** A picture of noise. */
const noise = (seed: number, width: number, height: number): RgbImage => ({
  width,
  height,
  data: Uint8Array.from(random(seed).bits(width * height * 3), (word) => word & 255),
});

/**
 * What another safety checker must keep.
 * @param create makes a new one, with weights, at every call
 */
export function safetyCheckerChecks(create: () => Promise<SafetyChecker>): ConformanceCheck[] {
  const check = (name: string, body: (checker: SafetyChecker) => Promise<void>) => ({
    name,
    async run() {
      const checker = await create();
      try {
        await body(checker);
      } finally {
        await checker.dispose();
      }
    },
  });
  const pictures = [noise(1, 40, 40), noise(2, 64, 33), noise(3, 17, 50)];

  return [
    check('gives one verdict per picture, in order', async (checker) => {
      const together = await checker.check(pictures);
      expectThat(
        together.length === pictures.length,
        () => `${pictures.length} pictures got ${together.length} verdicts.`,
      );
      for (const [i, picture] of pictures.entries()) {
        const [alone] = await checker.check([picture]);
        expectThat(
          alone.flagged === together[i].flagged,
          () => `Picture ${i} is judged otherwise when alone.`,
        );
      }
      expectThat((await checker.check([])).length === 0, () => 'No pictures got a verdict.');
    }),
    check('stops when aborted', async (checker) => {
      const signal = AbortSignal.abort();
      await expectRejection('An aborted call', 'AbortError', () => checker.check(pictures, { signal }));
      await checker.check(pictures.slice(0, 1));
    }),
    check('refuses work after it was disposed', async (checker) => {
      await checker.dispose();
      await expectRejection('A call after dispose', 'DISPOSED', () => checker.check(pictures));
    }),
  ];
}
