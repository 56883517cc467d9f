import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type HostTensor, tensor, toF64 } from '@emu-ts/base';
import chromium from '@sparticuz/chromium';
import { build } from 'esbuild';
import { type Browser, chromium as browsers, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CaseRequest, casesOf, NOT_A_NUMBER, opNames } from '../test/cases.js';
import { expectCase } from '../test/kit.js';
import type { PlainTensor } from '../test/page.js';
import type { Holdings } from './index.js';

/**
 * Every primitive and layer in WebGL mode, in headless Chromium with a GPU in software, equals the f64 interpreter. Fails where no
 * browser can be started, unless EMU_SKIP_BROWSER=1 says to skip it.
 */
interface InPage {
  readonly page: {
    open(): Promise<string>;
    compute(
      request: CaseRequest,
      tensors: Readonly<Record<string, PlainTensor>>,
    ): Promise<Record<string, PlainTensor>>;
    repeat(times: number): Promise<[Holdings, Holdings]>;
    holdings(): Holdings;
  };
}
let browser: Browser | undefined;
let page: Page;

const skipped = process.env.EMU_SKIP_BROWSER === '1';

beforeAll(async () => {
  if (skipped) return;
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../test/page.ts', import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    conditions: ['@emu-ts/source'],
  });
  browser = await browsers.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  });
  page = await browser.newPage();
  await page.addScriptTag({
    path: createRequire(import.meta.url)
      .resolve('gpu.js')
      .replace('src/index.js', 'dist/gpu-browser.min.js'),
  });
  await page.addScriptTag({ content: outputFiles[0].text });
});
afterAll(() => browser?.close());

const plain = (t: HostTensor): PlainTensor => ({ dtype: t.dtype, shape: t.shape, data: [...toF64(t)] });
const hostTensor = ({ dtype, shape, data }: PlainTensor): HostTensor => tensor(dtype, shape, data);

async function compute(
  request: CaseRequest,
  tensors: Readonly<Record<string, HostTensor>>,
): Promise<Record<string, HostTensor>> {
  const given = Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, plain(t)]));
  const read = await page.evaluate(([r, t]) => (globalThis as unknown as InPage).page.compute(r, t), [
    request,
    given,
  ] as const);
  return Object.fromEntries(Object.entries(read).map(([name, t]) => [name, hostTensor(t)]));
}

describe.skipIf(skipped)('ops in mode webgl', () => {
  it('is what a browser is given by default', async () => {
    expect(await page.evaluate(() => (globalThis as unknown as InPage).page.open())).toBe('webgl');
  });

  describe.each(opNames)('%s', (name) => {
    it.each(casesOf(name).filter((c) => c.name !== NOT_A_NUMBER))('$name', (testCase) =>
      expectCase(compute, name, testCase),
    );
  });

  it('holds as much after 50 runs as after one', async () => {
    const [first, last] = await page.evaluate(() => (globalThis as unknown as InPage).page.repeat(50));
    expect(last).toEqual(first);
  });

  it('leaves nothing behind', async () => {
    expect(await page.evaluate(() => (globalThis as unknown as InPage).page.holdings().buffers)).toBe(0);
  });
});
