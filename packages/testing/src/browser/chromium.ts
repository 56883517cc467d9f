import { fileURLToPath } from 'node:url';
import chromium from '@sparticuz/chromium';
import { build } from 'esbuild';
import { chromium as browsers, type Page } from 'playwright-core';

/** A script in a headless browser. */
export interface BrowserPage extends AsyncDisposable {
  readonly page: Page;
  readonly version: string;
}

/** WebGPU exists in secure contexts alone, which an https address is; nothing is fetched from it. */
const address = 'https://emu.test/';

/**
 * Opens a page that runs a script of this folder, in Chromium with WebGPU on SwiftShader, so that no graphics card is
 * needed: the Chromium of @sparticuz/chromium, or the program named by EMU_CHROMIUM. EMU_GPU=card leaves the choice of
 * the adapter to the browser.
 */
export async function openPage(script: string): Promise<BrowserPage> {
  const source = await bundle(script);
  const browser = await browsers.launch({
    executablePath: process.env.EMU_CHROMIUM || (await chromium.executablePath()),
    args: [
      '--no-sandbox',
      '--enable-unsafe-webgpu',
      '--enable-features=Vulkan',
      ...(process.env.EMU_GPU === 'card'
        ? []
        : ['--use-webgpu-adapter=swiftshader', '--enable-unsafe-swiftshader']),
    ],
  });
  const close = () => browser.close();
  try {
    const page = await browser.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') console.error(`In the page: ${message.text()}`);
    });
    await page.route('**', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>emu</title>' }),
    );
    await page.goto(address);
    await page.addScriptTag({ content: source });
    return { page, version: browser.version(), [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function bundle(script: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(script, import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    conditions: ['@emu-ts/source'],
    loader: { '.wgsl': 'text' },
    external: ['node:*'],
  });
  return outputFiles[0].text;
}
