import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { interpreter } from '@emu-ts/graph';
import { expect, it } from 'vitest';
import { blocks, readGuide, runBlock } from '../../test/guide.js';
import { Emu } from '../emu.js';
import { readRecipe } from './recipe.js';
import { trainRecipe } from './run.js';

/** What docs/guides/training.md says, as it stands there: the tokenizer, then the recipe. */
it('trains the recipe of the guide to a model that says something', async () => {
  const text = await readGuide('training');
  const [program] = blocks(text, 'ts');
  const [json] = blocks(text, 'json');
  const folder = await mkdtemp(path.join(tmpdir(), 'emu-guide-'));
  try {
    const tokenizer = path.join(folder, 'tokenizer.model');
    await runBlock(program.replace("'tokenizer.model'", JSON.stringify(tokenizer)));
    const recipe = readRecipe(JSON.parse(json));
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
