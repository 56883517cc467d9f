import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawScene, makeSample } from '@emu-ts/data';
import { encodePng } from '@emu-ts/media';
import { type Browser, launchChromium, type Page } from '@emu-ts/testing/browser';
import { weightsFolder } from '@emu-ts/tiny';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { page } from '../test/page.js';
import { type FileServer, serveFiles } from '../test/serve.js';
import { Emu } from './index.js';

/**
 * The whole model in a page of headless Chromium: bundled as an application would be, its weights read from a server by
 * ranges, says and draws what it does in Node. Fails where no browser starts, unless EMU_SKIP_BROWSER=1 says to skip it.
 */
type InPage = { readonly page: typeof page };
const skipped = process.env.EMU_SKIP_BROWSER === '1';
const words = 'a picture of a large red circle.';
const steps = 2;
/** A GPU in software compiles for a minute. */
const timeout = 600_000;

let bundle: string;
let server: FileServer;
let browser: Browser;
let tab: Page;
let node: Emu;
let picture: string;

beforeAll(async () => {
  if (skipped) return;
  bundle = await mkdtemp(path.join(tmpdir(), 'emu-page-'));
  await build({
    entryPoints: [fileURLToPath(new URL('../test/page.ts', import.meta.url))],
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    outdir: bundle,
    conditions: ['@emu-ts/source'],
    loader: { '.wgsl': 'text' }, // built packages hold it as text already
    logOverride: { 'empty-import-meta': 'silent' },
  });
  const ort = path.dirname(createRequire(import.meta.url).resolve('onnxruntime-web/wasm'));
  server = await serveFiles({
    '/': { text: '<!doctype html><title>emu</title><script type="module" src="/app/page.js"></script>' },
    '/app/': { folder: bundle },
    '/weights/': { folder: fileURLToPath(weightsFolder) },
    '/ort/': { folder: ort },
  });
  browser = await launchChromium();
  tab = await browser.newPage();
  await tab.goto(server.url, { waitUntil: 'load' });
  node = await Emu.fromPretrained(weightsFolder, { device: 'onnx' });
  const [{ ask }] = makeSample({ seed: 11, split: 'train', tasks: ['caption'], objects: [1, 1] }, 0).turns;
  const [element] = ask;
  if (element.type !== 'image') throw new Error('A caption begins with its picture.');
  picture = Buffer.from(await encodePng(drawScene(element.image))).toString('base64');
});
afterAll(async () => {
  await node?.dispose();
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
  if (bundle) await rm(bundle, { recursive: true });
});

const inPage = <K extends keyof InPage['page']>(
  call: K,
  ...given: Parameters<InPage['page'][K]>
): Promise<Awaited<ReturnType<InPage['page'][K]>>> =>
  tab.evaluate(
    ([name, args]) =>
      (globalThis as unknown as Record<string, Record<string, (...a: unknown[]) => never>>).page[name](
        ...args,
      ),
    [call, given] as const,
  );

describe.skipIf(skipped).each(['webgpu', 'onnx', 'gpujs'])('the model in a page, on %s', (device) => {
  beforeAll(() => inPage('open', device), timeout);
  afterAll(() => inPage('close'));

  it(
    'describes a picture as in Node',
    async () => {
      const image = Buffer.from(picture, 'base64');
      const here = await node.complete([{ image }], { beams: 1, maxNewTokens: 24 }).text();
      expect(here.length).toBeGreaterThan(10);
      expect(await inPage('describe', picture)).toBe(here);
    },
    timeout,
  );

  it.runIf(device === 'webgpu')(
    'draws as in Node',
    async () => {
      const [here] = await node.draw([words], { steps, candidates: 1, seed: 5 }).images();
      const { width, height, data } = await inPage('draw', words, steps);
      expect([width, height]).toEqual([here.width, here.height]);
      // A level is what rounding to 8 bits may add to a difference however small.
      for (const [i, level] of data.entries()) expect(Math.abs(level - here.data[i])).toBeLessThanOrEqual(1);
    },
    timeout,
  );

  it('says what a page cannot do', async () => {
    expect(await inPage('failure', 'dog.png')).toMatch(/^UNSUPPORTED_RUNTIME: .*needs Node/s);
  });
});
