import { random, tensor } from '@emu-ts/base';
import type { LanguageModel } from '@emu-ts/contracts';
import { describe, expect, it } from 'vitest';
import { tinyConfig, tinyLlama } from '../../test/tiny-llama.js';
import { watchedExecutor } from '../../test/watched-executor.js';
import { embedPrompts, type GeneratedSequence, type GenerateOptions, generate, Past } from '../index.js';

/** Turns of a dialogue read what was said before once, and say what they would have said had they read it all. */
const tokens = { begin: 1, end: 2, pad: 0 };
const picture = 3;
const images = [0, 1].map((i) =>
  tensor('f32', [1, 2, tinyConfig.width], random(6, i).normal(2 * tinyConfig.width)),
);

/** The model, how many positions of prompts its sessions are fed, and how many are opened. */
function counted(model: LanguageModel): { model: LanguageModel; fed: () => number; opened: () => number } {
  let [positions, sessions] = [0, 0];
  const open: LanguageModel['open'] = async (options) => {
    sessions++;
    const session = await model.open(options);
    const prefill = session.prefill.bind(session);
    session.prefill = (embeddings, how) => {
      positions += embeddings.shape[1] - (how?.start ?? 0);
      return prefill(embeddings, how);
    };
    return session;
  };
  const watched = new Proxy(model, {
    get(target, name) {
      if (name === 'open') return open;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { model: watched, fed: () => positions, opened: () => sessions };
}

const said = (found: readonly (readonly GeneratedSequence[])[]) =>
  found.flat().map(({ ids, finishReason }) => ({ ids, finishReason }));

const ways: readonly (readonly [string, Partial<GenerateOptions>])[] = [
  ['greedy', {}],
  ['sampling', { sampling: { seed: 5, temperature: 1.5 } }],
  ['three beams', { beams: 3, lengthPenalty: -1 }],
];

describe('a past', () => {
  it.each(ways)('is read once by three turns, %s', async (_, way) => {
    await using plain = await tinyLlama();
    const { model, fed, opened } = counted(plain);
    using past = new Past();
    const options = { tokens, maxNewTokens: 3, ...way };
    let ids = [1, 7, picture, picture, 9, 4, 11];
    let seen = images.slice(0, 1);
    let read = 0;
    for (const more of [[5, 6], [picture, picture, 8], []]) {
      const visual = { token: picture, embeddings: seen };
      const prompt = await embedPrompts(model, [ids], { pad: 0, visual });
      const wanted = await generate(plain, prompt, options);
      const before = fed();
      const [[best]] = await generate(model, prompt, { ...options, past });
      expect(said([[best]])).toEqual(said(wanted));
      expect(fed() - before).toBeLessThanOrEqual(ids.length - read);
      expect(fed() - before).toBeGreaterThan(0);
      read = ids.length; // and of the answer what was fed
      ids = [...ids, ...best.ids.slice(1).filter((id) => id !== picture), ...more];
      if (more.includes(picture)) seen = images;
    }
    expect(opened()).toBe(1);
  });

  it('counts to the position for a greedy answer, and asks the last position again', async () => {
    await using plain = await tinyLlama();
    const { model, fed } = counted(plain);
    using past = new Past();
    const options = { tokens, maxNewTokens: 4, minNewTokens: 4, past };
    const prompt = await embedPrompts(model, [[1, 5, 9, 6]], { pad: 0 });
    const [[first]] = await generate(model, prompt, options);
    expect(fed()).toBe(4);
    await generate(model, prompt, options);
    expect(fed()).toBe(4 + 1);
    const longer = await embedPrompts(model, [[1, 5, 9, 6, ...first.ids.slice(1), 8]], { pad: 0 });
    await generate(model, longer, options);
    expect(fed()).toBe(5 + 2); // the token that was chosen last, and the new one
    const other = await embedPrompts(model, [[1, 5, 8, 6]], { pad: 0 });
    await generate(model, other, options);
    expect(fed()).toBe(7 + 2);
  });

  it('tells pictures apart, and leaves several rows, other models and what does not fit alone', async () => {
    await using plain = await tinyLlama();
    await using stranger = await tinyLlama();
    const { model, fed, opened } = counted(plain);
    using past = new Past();
    const options = { tokens, maxNewTokens: 2, past };
    const prompt = (embeddings: (typeof images)[number]) =>
      embedPrompts(model, [[1, picture, picture, 4]], { pad: 0, visual: { token: picture, embeddings } });
    await generate(model, await prompt(images[0]), options);
    const before = fed();
    await generate(model, await prompt(images[1]), options);
    expect(fed() - before).toBeGreaterThanOrEqual(3); // all but the begin token
    const rows = await embedPrompts(model, [[1, 5], [1]], { pad: 0 });
    expect(await generate(model, rows, options)).toEqual(
      await generate(plain, rows, { ...options, past: undefined }),
    );
    const long = [1, ...new Array<number>(20).fill(5)];
    const one = await embedPrompts(stranger, [[1, 5]], { pad: 0 });
    await generate(stranger, one, options);
    const opens = opened();
    await generate(model, await embedPrompts(model, [long], { pad: 0 }), options);
    expect(opened()).toBe(opens + 1);
  });

  it('holds one row until it is disposed, and nothing of a turn that was aborted or left', async () => {
    const { executor, held, calls } = watchedExecutor((call) => call === at && controller.abort());
    let at = Number.POSITIVE_INFINITY;
    let controller = new AbortController();
    await using model = await tinyLlama({ executor });
    const weights = held();
    const past = new Past();
    const prompt = await embedPrompts(model, [[1, 7, 9, 4]], { pad: 0 });
    const options = { tokens, maxNewTokens: 3, beams: 3, past };
    const wanted = await generate(model, prompt, options);
    const kept = held() - weights;
    expect(kept).toBe(2 * tinyConfig.layers);
    const start = calls();
    expect(said(await generate(model, prompt, options))).toEqual(said(wanted));
    expect(held() - weights).toBe(kept);
    for (let n = 1; n <= calls() - start && n < 12; n += 3) {
      controller = new AbortController();
      at = calls() + n;
      const turn = generate(model, prompt, { ...options, signal: controller.signal });
      await expect(turn).rejects.toMatchObject({ name: 'AbortError' });
      expect(held()).toBe(weights);
      expect(said(await generate(model, prompt, options))).toEqual(said(wanted));
    }
    past.dispose();
    expect(held()).toBe(weights);
  });
});
