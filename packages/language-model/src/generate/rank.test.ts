import { tensor, toF64 } from '@emu-ts/base';
import { describe, expect, it } from 'vitest';
import { tinyConfig, tinyLlama } from '../../test/tiny-llama.js';
import { rank } from './rank.js';

const prompt = [3, 1, 4, 1, 5];
const candidates = [[9], [2, 6], [5, 3, 5, 8], [9, 7], [9, 3, 2]];

describe('rank', () => {
  it('costs a candidate its negative log-likelihood over all positions but one', async () => {
    await using model = await tinyLlama();
    const { data } = await model.embed(prompt);
    const embeddings = tensor('f32', [1, prompt.length, model.width], data);
    const ranking = await rank(model, { embeddings, padding: [0] }, candidates, { batch: 2 });

    for (const [i, candidate] of candidates.entries()) {
      const ids = [...prompt, ...candidate];
      const row = tensor('f32', [1, ids.length, model.width], (await model.embed(ids)).data);
      using scored = await model.score(row);
      const logits = toF64(await scored.read());
      let cost = 0;
      for (let at = prompt.length; at < ids.length; at++) {
        const before = [...logits.subarray((at - 1) * model.vocabSize, at * model.vocabSize)];
        cost += Math.log(before.reduce((sum, x) => sum + Math.exp(x), 0)) - before[ids[at]];
      }
      expect(ranking.costs[i]).toBeCloseTo(cost / (ids.length - 1), 4);
    }
    const sorted = ranking.order.map((i) => ranking.costs[i]);
    expect(sorted).toEqual([...sorted].sort((a, b) => a - b));
  });

  it('does not depend on how many are scored at a time', async () => {
    await using model = await tinyLlama();
    const { data } = await model.embed(prompt);
    const row = { embeddings: tensor('f32', [1, prompt.length, model.width], data), padding: [0] };
    const all = await rank(model, row, candidates);
    for (const batch of [1, 3])
      expect((await rank(model, row, candidates, { batch })).order).toEqual(all.order);
  });

  it('takes candidates of one token', async () => {
    await using model = await tinyLlama();
    const row = { embeddings: tensor('f32', [1, 1, model.width]), padding: [0] };
    expect((await rank(model, row, [[1], [2], [3]])).order.toSorted()).toEqual([0, 1, 2]);
  });

  it('refuses what it cannot rank', async () => {
    await using model = await tinyLlama();
    const row = (rows: number, length: number) => ({
      embeddings: tensor('f32', [rows, length, model.width]),
      padding: new Array<number>(rows).fill(0),
    });
    await expect(rank(model, row(2, 3), [[1]])).rejects.toMatchObject({ code: 'OPTION' });
    await expect(rank(model, row(1, 3), [])).rejects.toMatchObject({ code: 'OPTION' });
    await expect(rank(model, row(1, 3), [[1], []])).rejects.toMatchObject({ code: 'OPTION' });
    const long = rank(model, row(1, tinyConfig.contextLength), [[1, 2]]);
    await expect(long).rejects.toMatchObject({ code: 'CONTEXT_LENGTH' });
  });

  it('stops when aborted', async () => {
    await using model = await tinyLlama();
    const row = { embeddings: tensor('f32', [1, 3, model.width]), padding: [0] };
    const controller = new AbortController();
    const ranking = rank(model, row, candidates, {
      batch: 1,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(ranking).rejects.toMatchObject({ name: 'AbortError' });
  });
});
