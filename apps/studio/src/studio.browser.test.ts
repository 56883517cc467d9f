import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawScene, makeSample } from '@emu-ts/data';
import { Emu } from '@emu-ts/emu';
import { encodePng } from '@emu-ts/media';
import { type Browser, launchChromium, type Page } from '@emu-ts/testing/browser';
import { weightsFolder } from '@emu-ts/tiny';
import { build, type PreviewServer, preview } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/**
 * The built studio as a user meets it in headless Chromium. Fails where no browser starts, unless EMU_SKIP_BROWSER=1 says to skip
 * it.
 */
const skipped = process.env.EMU_SKIP_BROWSER === '1';
const configFile = fileURLToPath(new URL('../vite.config.ts', import.meta.url));
/** A model is loaded, compiled and run by one thread of WebAssembly. */
const timeout = 600_000;

let folder: string;
let server: PreviewServer;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  if (skipped) return;
  folder = await mkdtemp(path.join(tmpdir(), 'emu-studio-'));
  const outDir = path.join(folder, 'dist');
  await build({ configFile, logLevel: 'error', build: { outDir } });
  server = await preview({ configFile, logLevel: 'error', build: { outDir }, preview: { port: 0 } });
  browser = await launchChromium();
  page = await browser.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(server.resolvedUrls?.local[0] as string);
}, timeout);
afterAll(async () => {
  await browser?.close();
  await server?.close();
  if (folder) await rm(folder, { recursive: true });
});

const button = (name: string) => page.getByRole('button', { name, exact: true });
const items = () => page.getByRole('listitem');
const finished = () =>
  page.waitForFunction(() => document.getElementById('progress')?.hidden, null, { timeout });

async function picture(): Promise<Uint8Array> {
  const [{ ask }] = makeSample({ seed: 3, split: 'train', tasks: ['caption'], objects: [1, 1] }, 0).turns;
  const [element] = ask;
  if (element.type !== 'image') throw new Error('A caption begins with its picture.');
  return encodePng(drawScene(element.image));
}

describe.skipIf(skipped)('the studio', () => {
  it('lets the board be edited', async () => {
    expect(await items().count()).toBeGreaterThan(0);
    await page.getByLabel('Example').selectOption('few-shot');
    await button('Take one').click();
    expect(await items().count()).toBeGreaterThan(4);
    await page.getByLabel('Model').selectOption('instruct');
    await button('Take one').click();
    await page.getByText('user:').first().waitFor();
    await page.getByLabel('Model').selectOption('base');
    await button('Clear').click();
    expect(await items().count()).toBe(0);
    await button('Add words').click();
    await items().getByLabel('Words').fill('a star.');
    await button('Add words').click();
    await items().nth(1).getByLabel('Move up').click();
    expect(await items().nth(1).getByLabel('Words').inputValue()).toBe('a star.');
    await items().nth(0).getByLabel('Remove').click();
    expect(await items().count()).toBe(1);
  });

  it(
    'says of a picture what the model says in Node, and keeps it on the board',
    async () => {
      const file = path.join(folder, 'picture.png');
      await writeFile(file, await picture());
      await using emu = await Emu.fromPretrained(weightsFolder, { device: 'onnx', imageDecoder: false });
      const here = await emu.complete([{ image: file }], { beams: 1 }).text();

      await page.getByLabel('Runs on').selectOption('onnx');
      await button('Clear').click();
      await page.getByLabel('Add pictures').setInputFiles(file);
      await items().first().waitFor();
      await button('Write').click();
      await finished();
      expect(await page.getByLabel('Words').last().textContent()).toBe(here.trim());
      await button('Keep on the board').click();
      expect(await items().last().getByLabel('Words').inputValue()).toBe(here);
    },
    timeout,
  );

  it(
    'stops a drawing, and draws the next',
    async () => {
      await button('Clear').click();
      await button('Add words').click();
      await items().getByLabel('Words').fill('a large red circle.');
      await button('Draw').click();
      await page.waitForFunction(() => document.getElementById('progress')?.hasAttribute('value'));
      await button('Stop').click();
      await finished();
      expect(await page.locator('#state').textContent()).toBe('Stopped.');
      await page.getByLabel('Steps').fill('2');
      await page.getByLabel('Candidates').fill('1');
      await button('Draw').click();
      await finished();
      expect(await page.locator('#state').textContent()).toBe('Ready.');
      expect(await page.getByRole('link', { name: 'Save the picture' }).getAttribute('href')).toMatch(
        /^data:image\/png;base64,.{200}/,
      );
      await button('Keep on the board').click();
      expect(await items().count()).toBe(2);
    },
    timeout,
  );

  it(
    'says what is wrong',
    async () => {
      await page.getByLabel('Steps').fill('0');
      await button('Draw').click();
      await finished();
      expect(await page.locator('#state').textContent()).toMatch(/^STEPS · /);
      await page.getByLabel('Add pictures').setInputFiles({
        name: 'letter.png',
        mimeType: 'image/png',
        buffer: Buffer.from('not a picture'),
      });
      await page.getByText('letter.png:').waitFor();
      expect(complaints).toEqual([]);
    },
    timeout,
  );
});
