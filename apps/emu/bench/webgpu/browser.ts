import { createRequire } from 'node:module';
import path from 'node:path';
import { openPage } from '@emu-ts/testing/browser';
import type { Beside, page } from './page.js';

type InPage = { readonly page: typeof page };

/** A page of headless Chromium that measures ours beside onnxruntime-web's WebGPU provider. */
export interface BenchPage extends AsyncDisposable {
  /** Throws where either side fails, and where a small case is not what the graph means on ours. */
  beside(name: string, full: boolean): Promise<Beside>;
}

/** Throws where no browser starts. The runtime's files are those that npm installed. */
export async function benchPage(): Promise<BenchPage> {
  const folder = path.dirname(createRequire(import.meta.url).resolve('onnxruntime-web/webgpu'));
  const opened = await openPage(new URL('./page.ts', import.meta.url), { '/ort/': folder });
  return {
    beside: (name, full) =>
      opened.page.evaluate((asked) => (globalThis as unknown as InPage).page.beside(...asked), [
        name,
        full,
        new URL('ort/', opened.page.url()).href,
      ] as const),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}
