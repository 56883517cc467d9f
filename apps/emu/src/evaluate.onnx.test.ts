import type { RgbImage, Sequence } from '@emu-ts/contracts';
import { drawScene } from '@emu-ts/data';
import { abilities, ComponentsModel, casesOf } from '@emu-ts/evaluation';
import { generate, mapImages, text } from '@emu-ts/sequence';
import { fixture } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Emu } from './index.js';

/** What evaluation makes of the components in batches is what the library says one by one. */
let emu: Emu;

beforeAll(async () => {
  emu = await Emu.fromPretrained(fixture('goldens', 'checkpoint'), { safetyChecker: false });
}, 60_000);
afterAll(() => emu.dispose());

const options = { maxNewTokens: 6, seed: 5 };
const model = () => new ComponentsModel(emu.components, { form: 'document', steps: 2 });

const promptsOf = (name: string): Sequence<RgbImage>[] => {
  const ability = abilities.find((one) => one.name === name) as (typeof abilities)[number];
  return casesOf(ability, 'document', { seed: 2, n: 3 }).map(({ prompt }) =>
    mapImages(prompt, (scene) => drawScene(scene)),
  );
};

describe('ComponentsModel', () => {
  it('writes to many prompts what the library writes to each', async () => {
    const prompts = [...promptsOf('question'), ...promptsOf('blend').map((prompt) => prompt.slice(0, -1))];
    const replies = await model().reply(prompts, { ...options, wanted: 'text' });
    const alone: string[] = [];
    for (const prompt of prompts)
      alone.push(await emu.answer(prompt, { beams: 1, maxNewTokens: options.maxNewTokens }).text());
    expect(replies.map((reply) => reply.text?.trim())).toEqual(alone.map((reply) => reply.trim()));
    expect(new Set(alone).size).toBeGreaterThan(1);
  });

  it('draws what the library draws, every prompt by itself', async () => {
    const prompt: Sequence<RgbImage> = [text('a red circle.'), generate];
    const other: Sequence<RgbImage> = [text('two blue squares and a ring.'), generate];
    const [one] = await model().reply([prompt], { ...options, wanted: 'image' });
    const [image] = await emu
      .answer([text('a red circle.')], { output: 'image', draw: { steps: 2, seed: 5 } })
      .images();
    expect(one.images?.[0]).toEqual(image);
    const both = await model().reply([prompt, other], { ...options, wanted: 'image' });
    expect(both.map(({ images }) => images?.length)).toEqual([1, 1]);
    expect(both[0].images).not.toEqual(both[1].images);
  });

  it('draws in a reply where the model opens a picture, and only there', async () => {
    // A tokenizer for which the likeliest first token of one prompt means [IMG] stands in for a model that opens pictures.
    const prompts = promptsOf('caption');
    const { tokenizer: real } = emu.components;
    const spoken = await Promise.all(
      prompts.map((prompt) => emu.answer(prompt, { beams: 1, maxNewTokens: 1 }).text()),
    );
    const id = real.encode(spoken[0], { bos: false }).at(-1) as number;
    const tokenizer = {
      ...pick(real),
      special: new Map(real.special).set('[IMG]', id),
    };
    const opening = new ComponentsModel({ ...emu.components, tokenizer }, { form: 'dialogue', steps: 2 });
    const replies = await opening.reply(prompts, { ...options, maxNewTokens: 1, wanted: 'both' });
    const opens = spoken.map((words) => words === spoken[0]);
    expect(replies.map(({ images }) => images?.length ?? 0)).toEqual(opens.map(Number));
    expect(replies[0].images?.[0].width).toBeGreaterThan(0);
  });

  it('refuses what does not fit, and answers the rest', async () => {
    const long: Sequence<RgbImage> = [text('red '.repeat(emu.components.languageModel.contextLength))];
    const [short, refused] = await model().reply([[text('a')], long], { ...options, wanted: 'text' });
    expect(short.refused).toBeUndefined();
    expect(refused.refused).toContain('positions');
  });

  it('says that it cannot draw without a decoder', async () => {
    const blind = new ComponentsModel({ ...emu.components, imageDecoder: undefined }, { form: 'document' });
    const asked = blind.reply([[text('a'), generate]], { ...options, wanted: 'image' });
    await expect(asked).rejects.toMatchObject({ code: 'NO_DECODER' });
  });
});

const pick = (real: Emu['components']['tokenizer']): Emu['components']['tokenizer'] => ({
  size: real.size,
  bosId: real.bosId,
  eosId: real.eosId,
  special: real.special,
  encode: (words, how) => real.encode(words, how),
  decode: (ids, how) => real.decode(ids, how),
  decoder: (how) => real.decoder(how),
});
