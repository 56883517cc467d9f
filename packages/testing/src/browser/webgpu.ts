import { afterAll } from 'vitest';
import { webgpu as here, type WebGpuOptions } from '../../../webgpu/src/index.js';
import type { BrowserPage } from './chromium.js';
import { type BrowserExecutor, gpuOnPage, openGpuPage } from './executor.js';

/**
 * What stands for `@emu-ts/webgpu` where Node's tests of kernels run in headless Chromium: executors on the WebGPU of one
 * page a file, with the kernels that a test asks for. A GPU that is handed in stays Node's.
 */
export * from '../../../webgpu/src/index.js';

let opened: Promise<BrowserPage> | undefined;

export async function webgpu(
  options: WebGpuOptions = {},
): Promise<BrowserExecutor | Awaited<ReturnType<typeof here>>> {
  if (options.gpu || options.device || options.adapter) return here(options);
  opened ??= openGpuPage();
  return gpuOnPage(await opened, options.kernels ?? []);
}

afterAll(async () => {
  await (await opened)?.[Symbol.asyncDispose]();
});
