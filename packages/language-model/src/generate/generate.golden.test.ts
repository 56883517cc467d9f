import { expectSame, type GenerationCase, generationOptions, sharedExecutors } from '@emu-ts/testing';
import { describe, it } from 'vitest';
import { cases, pretrained, promptOf, tokenizer, tokens } from '../../test/golden-model.js';
import { allowSequences, type GenerateOptions, generate, padSequences, rank } from '../index.js';

function optionsOf(wanted: GenerationCase): GenerateOptions {
  const { options, allowedSequences } = generationOptions(wanted.options);
  return { ...options, tokens, allowed: allowedSequences && allowSequences(allowedSequences) };
}

describe.each(sharedExecutors())('generation on $name', ({ name, create }) => {
  it.each(cases.generation)('%s', async (golden, wanted) => {
    await using executor = await create();
    await using model = await pretrained(executor, { prefillChunk: 32 });
    const prompt = await promptOf(model, wanted.prompts, wanted.images);
    const found = (await generate(model, prompt, optionsOf(wanted))).flat();
    const ids = padSequences(found, tokens.pad);
    expectSame(`generation ${golden} ids (${name})`, ids, wanted.ids as number[][]);
    const text = ids.map((row) => tokenizer.decode(row));
    expectSame(`generation ${golden} text (${name})`, text, wanted.text as string[]);
  });

  it.each(cases.rank)('%s', async (golden, { prompts, images, candidates, rank: wanted }) => {
    await using executor = await create();
    await using model = await pretrained(executor);
    const ids = candidates.map((text) => tokenizer.encode(text, { bos: false }));
    const prompt = await promptOf(model, prompts, images);
    const { order } = await rank(model, prompt, ids, { batch: 2 });
    expectSame(`generation ${golden} (${name})`, [order], wanted as number[][]);
  });
});
