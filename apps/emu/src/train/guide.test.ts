import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { interpreter } from '@emu-ts/graph';
import { fixture } from '@emu-ts/testing';
import { expect, it } from 'vitest';
import { Emu } from '../emu.js';
import { readRecipe } from './recipe.js';
import { trainRecipe } from './run.js';

/** The recipe of docs/guides/training.md, as it stands there. */
const guide = fileURLToPath(new URL('../../../../docs/guides/training.md', import.meta.url));

it('trains the recipe of the guide to a model that says something', async () => {
  const text = await readFile(guide, 'utf8');
  const [, json] = /```json\n([\s\S]*?)```/.exec(text) as RegExpExecArray;
  const recipe = readRecipe(JSON.parse(json));
  const out = await mkdtemp(path.join(tmpdir(), 'emu-guide-'));
  try {
    const executor = interpreter();
    const folder = fixture('goldens', 'checkpoint'); // where tokenizer.model lies
    const { model, losses, badRows } = await trainRecipe(recipe, { executor, folder, out });
    expect(Object.keys(losses)).toEqual(['see', 'read']);
    expect(badRows).toBe(0);
    await using emu = await Emu.fromPretrained(model, { device: executor });
    expect(emu.components.visualEncoder.imageSize).toBe(32);
    expect(await emu.complete(['a '], { maxNewTokens: 3, beams: 1 }).text()).toEqual(expect.any(String));
  } finally {
    await rm(out, { recursive: true });
  }
}, 240_000);
