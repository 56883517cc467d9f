import { executors, expectSame } from '@emu-ts/testing';
import { describe, it } from 'vitest';
import {
  type GenerationCase,
  generationCases,
  pretrained,
  promptOf,
  rankCase,
  tokenizer,
  tokens,
} from '../../test/golden-model.js';
import { allowSequences, type GenerateOptions, generate, padSequences, rank } from '../index.js';

const cases = await generationCases();

const optionsOf = ({ options }: GenerationCase): GenerateOptions => ({
  tokens,
  beams: options.num_beams,
  maxNewTokens: options.max_new_tokens,
  minLength: options.min_length,
  lengthPenalty: options.length_penalty,
  repetitionPenalty: options.repetition_penalty,
  noRepeatNgram: options.no_repeat_ngram_size,
  sequences: options.num_captions,
  allowed: options.allowed_sequences && allowSequences(options.allowed_sequences),
});

describe.each(executors())('generation on $name', ({ name, create }) => {
  it.each(cases)('%s', async (golden, wanted) => {
    await using executor = await create();
    await using model = await pretrained(executor, { prefillChunk: 32 });
    const prompt = await promptOf(model, wanted.prompts, wanted.images);
    const found = (await generate(model, prompt, optionsOf(wanted))).flat();
    const ids = padSequences(found, tokens.pad);
    expectSame(`generation ${golden} ids (${name})`, ids, wanted.ids as number[][]);
    const text = ids.map((row) => tokenizer.decode(row));
    expectSame(`generation ${golden} text (${name})`, text, wanted.text as string[]);
  });

  it('ranks candidates as the reference does', async () => {
    const { prompts, images, candidates, rank: wanted } = await rankCase();
    await using executor = await create();
    await using model = await pretrained(executor);
    const prompt = await promptOf(model, prompts, images);
    const ids = candidates.map((text) => tokenizer.encode(text, { bos: false }));
    const { order } = await rank(model, prompt, ids, { batch: 2 });
    expectSame(`generation predict_rank (${name})`, [order], wanted as number[][]);
  });
});
