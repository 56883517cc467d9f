import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import { expect, it } from 'vitest';
import { options } from '../tsup.preset.js';

/** What bundlers of pages make of a built package. */
const root = fileURLToPath(new URL('../', import.meta.url));

it.each(['checkpoint', 'onnx'])('leaves imports of Node in %s to Node, for webpack too', async (name) => {
  const outDir = await mkdtemp(path.join(tmpdir(), 'emu-build-'));
  try {
    const entry = [path.join(root, 'packages', name, 'src/index.ts')];
    await build({ ...options, entry, outDir, dts: false, sourcemap: false, config: false, silent: true });
    const files = (await readdir(outDir)).filter((file) => file.endsWith('.js'));
    const texts = await Promise.all(files.map((file) => readFile(path.join(outDir, file), 'utf8')));
    const imports = texts.flatMap((text) => text.match(/\bimport\([^)]*"node:[^)]*\)/g) ?? []);
    expect(imports.length).toBeGreaterThan(0);
    for (const found of imports) expect(found).toMatch(/^import\(\/\* webpackIgnore: true \*\/ "node:/);
    const unread = texts.flatMap((text) => text.match(/\bimport\(\s*\/\*[^"]*?\)/g) ?? []);
    for (const found of unread) expect(found).toContain('/* webpackIgnore: true */');
  } finally {
    await rm(outDir, { recursive: true });
  }
});
