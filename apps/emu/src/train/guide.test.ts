import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { interpreter } from '@emu-ts/graph';
import { expect, it } from 'vitest';
import { Emu } from '../emu.js';
import { readRecipe } from './recipe.js';
import { trainRecipe } from './run.js';

/** What docs/guides/training.md says, as it stands there: the tokenizer, then the recipe. */
const guide = fileURLToPath(new URL('../../../../docs/guides/training.md', import.meta.url));
const block = (text: string, language: string): string =>
  (new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(text) as RegExpExecArray)[1];

/** Runs a program that stands in a text, with paths of its own. */
async function runBlock(code: string): Promise<void> {
  const file = fileURLToPath(new URL(`.guide-${process.pid}.ts`, import.meta.url));
  await writeFile(file, code);
  try {
    await import(/* @vite-ignore */ pathToFileURL(file).href);
  } finally {
    await rm(file);
  }
}

it('trains the recipe of the guide to a model that says something', async () => {
  const text = await readFile(guide, 'utf8');
  const folder = await mkdtemp(path.join(tmpdir(), 'emu-guide-'));
  try {
    const tokenizer = path.join(folder, 'tokenizer.model');
    await runBlock(block(text, 'ts').replace("'tokenizer.model'", JSON.stringify(tokenizer)));
    const recipe = readRecipe(JSON.parse(block(text, 'json')));
    const executor = interpreter();
    const out = path.join(folder, 'runs');
    const { model, losses, badRows } = await trainRecipe(recipe, { executor, folder, out });
    expect(Object.keys(losses)).toEqual(['see', 'read']);
    expect(badRows).toBe(0);
    await using emu = await Emu.fromPretrained(model, { device: executor });
    expect(emu.components.visualEncoder.imageSize).toBe(32);
    expect(await emu.complete(['a '], { maxNewTokens: 3, beams: 1 }).text()).toEqual(expect.any(String));
  } finally {
    await rm(folder, { recursive: true });
  }
}, 900_000);
