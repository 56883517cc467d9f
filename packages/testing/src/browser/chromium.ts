import { mkdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import chromium from '@sparticuz/chromium';
import { build } from 'esbuild';
import { type Browser, chromium as browsers, type Page } from 'playwright-core';

export type { Browser, Page };

/** A script in a headless browser. */
export interface BrowserPage extends AsyncDisposable {
  readonly page: Page;
  readonly version: string;
}

/** WebGPU exists in secure contexts alone, which an https address is; nothing is fetched from it. */
const address = 'https://emu.test/';

/**
 * Opens a page that runs a script, given with what it imports to the browser; `served` names folders of files by the paths
 * (such as `/wasm/`) under which the page may load them. No graphics card is needed.
 */
export async function openPage(
  script: URL,
  served: Readonly<Record<string, string>> = {},
): Promise<BrowserPage> {
  const source = await bundle(script);
  const browser = await launchChromium();
  const close = () => browser.close();
  try {
    const page = await browser.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') console.error(`In the page: ${message.text()}`);
    });
    await page.route('**', (route) => {
      const { pathname } = new URL(route.request().url());
      const found = Object.entries(served).find(([prefix]) => pathname.startsWith(prefix));
      if (!found)
        return route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>emu</title>' });
      const [prefix, folder] = found;
      return route.fulfill({ path: path.join(folder, pathname.slice(prefix.length)) });
    });
    await page.goto(address);
    await page.addScriptTag({ content: source });
    return { page, version: browser.version(), [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * The Chromium of @sparticuz/chromium, or the program named by EMU_CHROMIUM, without a window, with WebGPU on SwiftShader.
 * EMU_GPU=card leaves the choice of the adapter to the browser.
 */
export const launchChromium = async (): Promise<Browser> =>
  browsers.launch({
    executablePath: process.env.EMU_CHROMIUM || (await unpacked()),
    args: [
      '--no-sandbox',
      '--enable-unsafe-webgpu',
      '--enable-features=Vulkan',
      ...(process.env.EMU_GPU === 'card'
        ? []
        : ['--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader']),
    ],
  });

/** After so many milliseconds, whoever unpacks is taken to have been killed, and what he left to be half of the browser. */
const patience = 120_000;

/** Where the browser lies. One process at a time unpacks it: another would start a program that is half written. */
async function unpacked(): Promise<string> {
  const mark = path.join(tmpdir(), 'emu-chromium.lock');
  while (!(await madeAlone(mark))) {
    const made = await stat(mark).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > patience) {
      await rm(path.join(tmpdir(), 'chromium'), { force: true });
      await rm(mark, { recursive: true, force: true });
    }
    await sleep(100);
  }
  try {
    return await chromium.executablePath();
  } finally {
    await rm(mark, { recursive: true, force: true });
  }
}

const madeAlone = (folder: string): Promise<boolean> =>
  mkdir(folder).then(
    () => true,
    (error) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    },
  );

async function bundle(script: URL): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(script)],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    conditions: ['@emu-ts/source'],
    loader: { '.wgsl': 'text' },
    external: ['node:*'],
    logOverride: { 'empty-import-meta': 'silent' }, // what only Node runs is in the bundle too
  });
  return outputFiles[0].text;
}
