import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BenchPage, benchPage } from '../bench/webgpu/browser.js';
import { componentCases } from '../bench/webgpu/components.js';
import { kernelCases } from '../bench/webgpu/kernels.js';

/**
 * The benchmark beside onnxruntime-web in headless Chromium: both compute on WebGPU, and what they compute is right. Fails
 * where no browser starts or it has no adapter, unless EMU_SKIP_BROWSER=1 says to skip it.
 */
const skipped = process.env.EMU_SKIP_BROWSER === '1';
const cases = [...kernelCases(false), ...componentCases(false)];
const names = ['B1', 'B2 linear int4', 'B3', 'B5 conv2d', 'B5 group norm', 'B9'].map(
  (start) => cases.find(({ name }) => name.startsWith(start))?.name as string,
);
let page: BenchPage;

beforeAll(async () => {
  if (!skipped) page = await benchPage();
});
afterAll(() => page?.[Symbol.asyncDispose]());

/** The runtime's 27 MB of WebAssembly are compiled first. */
const timeout = 600_000;

describe.skipIf(skipped)('beside onnxruntime-web', () => {
  it.each(names)(
    '%s',
    async (name) => {
      const { own, peer, dispatches, peerDispatches, ...found } = await page.beside(name, false);
      expect(Math.min(own, peer, dispatches, peerDispatches)).toBeGreaterThan(0);
      expect(found.apartOfAllowed).toBeLessThanOrEqual(1);
      expect(found.error).toBeDefined();
    },
    timeout,
  );

  it('refuses a case that does not exist', async () => {
    await expect(page.beside('B0', false)).rejects.toThrow(/no case 'B0'/);
  });
});
