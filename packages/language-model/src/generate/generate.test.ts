import { tensor } from '@emu-ts/base';
import { describe, expect, it } from 'vitest';
import { bigramModel } from '../../test/bigram-model.js';
import { allowSequences, type GenerateEvent, type GenerateOptions, generate, stream } from '../index.js';

const [begin, end, pad] = [1, 2, 0];
const tokens = { begin, end, pad };
const no = -9;

/** From 3 the likeliest way is 4 5 end; from 4 the end is a close second. */
const table = [
  [0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0, 0],
  [no, no, no, 0, 2, 1],
  [no, no, 1.5, no, 0, 2],
  [no, no, 1, 0.5, no, 0],
];

/** Rows that end in these tokens, three positions long. */
async function prompt(model: ReturnType<typeof bigramModel>, ...last: number[]) {
  const ids = last.flatMap((token) => [0, 0, token]);
  const { data } = await model.embed(ids);
  const embeddings = tensor('f32', [last.length, 3, model.width], data);
  return { embeddings, padding: last.map(() => 0) };
}

const one = async (options: Partial<GenerateOptions> = {}, ...last: number[]) => {
  const model = bigramModel(table);
  const found = await generate(model, await prompt(model, ...(last.length ? last : [3])), {
    tokens,
    ...options,
  });
  return { found, calls: model.calls };
};

describe('greedy search', () => {
  it('takes the likeliest token until the end token', async () => {
    const { found, calls } = await one();
    expect(found).toEqual([[{ ids: [begin, 4, 5, end], finishReason: 'stop' }]]);
    expect(calls).toEqual(['open 1 32', 'prefill 1 3', 'step 4', 'step 5', 'dispose']);
  });

  it('stops at the limit, with no step for the last token', async () => {
    const { found, calls } = await one({ maxNewTokens: 2 });
    expect(found).toEqual([[{ ids: [begin, 4, 5], finishReason: 'length' }]]);
    expect(calls).toEqual(['open 1 4', 'prefill 1 3', 'step 4', 'dispose']);
  });

  it('counts the begin token in minLength, and does not in minNewTokens', async () => {
    const wanted = [[{ ids: [begin, 4, 5, 3, 4, 5, end], finishReason: 'stop' }]];
    expect((await one({ minLength: 5 })).found).toEqual(wanted);
    expect((await one({ minNewTokens: 4 })).found).toEqual(wanted);
    expect((await one({ minNewTokens: 2 })).found).toEqual((await one()).found);
  });

  it('feeds padding to rows that have ended', async () => {
    const { found, calls } = await one({ minLength: 3 }, 5, 3);
    expect(found.map(([{ ids }]) => ids)).toEqual([
      [begin, 3, 4, 5, end],
      [begin, 4, 5, end],
    ]);
    expect(calls.filter((call) => call.startsWith('step'))).toEqual([
      'step 3,4',
      'step 4,5',
      `step 5,${pad}`,
    ]);
  });

  it('ends where nothing is allowed any more', async () => {
    const { found } = await one({ allowed: allowSequences([[5, 3]]) });
    expect(found).toEqual([[{ ids: [begin, 5, 3], finishReason: 'stop' }]]);
  });

  it('knows several end tokens', async () => {
    const { found } = await one({ tokens: { ...tokens, end: [end, 5] } });
    expect(found).toEqual([[{ ids: [begin, 4, 5], finishReason: 'stop' }]]);
  });
});

describe('beam search', () => {
  it('reads the prompt once, whatever the number of beams', async () => {
    const { calls } = await one({ beams: 3, maxNewTokens: 4 }, 3, 5);
    expect(calls.slice(0, 3)).toEqual(['open 2 6', 'prefill 2 3', 'reorder 0,0,0,1,1,1']);
    expect(calls.filter((call) => call.startsWith('prefill'))).toHaveLength(1);
    expect(calls[calls.length - 1]).toBe('dispose');
  });

  it.each([-1, 0, 1])('finds the best sequences of all at length penalty %i', async (lengthPenalty) => {
    const maxNewTokens = 3;
    const { found } = await one({ beams: 200, sequences: 3, maxNewTokens, lengthPenalty });
    const best = exhaustive(3, maxNewTokens, lengthPenalty).slice(0, 3);
    expect(found[0].map(({ ids }) => ids)).toEqual(best.map(({ ids }) => ids));
    found[0].forEach(({ score }, i) => {
      expect(score).toBeCloseTo(best[i].score, 5);
    });
  });

  it('returns at most one sequence per beam, the best first', async () => {
    const { found } = await one({ beams: 3, sequences: 3, maxNewTokens: 5, lengthPenalty: 1 });
    const scores = found[0].map(({ score }) => score as number);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(new Set(found[0].map(({ ids }) => ids.join())).size).toBe(3);
  });

  it('gives each prompt of a batch what it gets alone', async () => {
    const options = { beams: 2, maxNewTokens: 5 };
    const together = (await one(options, 3, 5)).found;
    expect(together).toEqual([...(await one(options, 3)).found, ...(await one(options, 5)).found]);
  });
});

describe('sampling', () => {
  const sampling = { seed: 7, temperature: 1.5 };

  it('draws the same tokens from the same seed, and others from another', async () => {
    const options = { sequences: 8, maxNewTokens: 8 };
    const draw = async (seed: number) => (await one({ ...options, sampling: { ...sampling, seed } })).found;
    expect(await draw(7)).toEqual(await draw(7));
    expect(await draw(7)).not.toEqual(await draw(8));
  });

  it('draws each token as often as its probability says', async () => {
    const count = 4000;
    const { found } = await one({ sequences: count, maxNewTokens: 1, sampling: { seed: 3 } });
    const total = table[3].reduce((sum, score) => sum + Math.exp(score), 0);
    table[3].forEach((score, token) => {
      const p = Math.exp(score) / total;
      const drawn = found[0].filter(({ ids }) => ids[1] === token).length;
      expect(Math.abs(drawn - count * p)).toBeLessThan(5 * Math.sqrt(count * p * (1 - p)) + 1);
    });
  });

  it('never draws what top-k and top-p cut off', async () => {
    for (const cut of [{ topK: 2 }, { topP: 0.8 }]) {
      const { found } = await one({ sequences: 200, maxNewTokens: 1, sampling: { seed: 1, ...cut } });
      expect(new Set(found[0].map(({ ids }) => ids[1]))).toEqual(new Set([4, 5]));
    }
  });
});

describe('the stream', () => {
  const collect = async (options: Partial<GenerateOptions>, ...last: number[]) => {
    const model = bigramModel(table);
    const events: GenerateEvent[] = [];
    for await (const event of stream(model, await prompt(model, ...last), { tokens, ...options }))
      events.push(event);
    return events;
  };

  it.each([
    ['greedy search', {}],
    ['beam search', { beams: 3, sequences: 2, maxNewTokens: 6 }],
    ['sampling', { sequences: 3, maxNewTokens: 6, sampling: { seed: 2 } }],
  ])('of %s tells every token once, in order, and then the whole', async (_, options) => {
    const told = new Map<string, number[]>();
    for (const event of await collect(options, 3, 5)) {
      const key = `${event.prompt} ${event.sequence}`;
      const row = told.get(key) ?? [];
      told.set(key, row);
      if (event.type === 'token') expect(row.push(event.token)).toBe(event.index + 1);
      else {
        const { ids, finishReason } = event.generated;
        expect(row).toEqual(ids.slice(1, finishReason === 'stop' ? -1 : undefined));
        row.push(Number.NaN); // nothing may follow
      }
    }
    expect(told.size).toBe(2 * ('sequences' in options ? options.sequences : 1));
  });

  it('of beam search tells tokens before the end, once all beams agree', async () => {
    // From 5 the way is almost certain, so that all beams share their beginning.
    const model = bigramModel([...table.slice(0, 5), [no, no, no, 4, no, no]]);
    const events: GenerateEvent[] = [];
    const options = { tokens, beams: 2, maxNewTokens: 6 };
    for await (const event of stream(model, await prompt(model, 5), options)) events.push(event);
    const first = events.findIndex(({ type }) => type === 'token');
    const stepsBefore = events.slice(0, first).length;
    expect(events[first]).toMatchObject({ token: 3, index: 0 });
    expect(stepsBefore).toBe(0);
    expect(events[events.length - 1].type).toBe('finish');
  });

  it('ends the session when its reader leaves', async () => {
    const model = bigramModel(table);
    for await (const _ of stream(model, await prompt(model, 3), { tokens })) break;
    expect(model.calls).toEqual(['open 1 32', 'prefill 1 3', 'dispose']);
  });

  it('ends the session when it is aborted', async () => {
    const model = bigramModel(table);
    const controller = new AbortController();
    const reading = async () => {
      const options = { tokens, signal: controller.signal };
      for await (const _ of stream(model, await prompt(model, 3), options)) controller.abort();
    };
    await expect(reading()).rejects.toMatchObject({ name: 'AbortError' });
    expect(model.calls).toEqual(['open 1 32', 'prefill 1 3', 'dispose']);
  });

  it('reports progress', async () => {
    const seen: string[] = [];
    await one({
      maxNewTokens: 2,
      onProgress: ({ phase, loaded, total }) => seen.push(`${phase} ${loaded}/${total}`),
    });
    expect(seen).toEqual(['decode 1/2']);
  });
});

describe('limits', () => {
  it('refuses a prompt beyond the context, with both numbers', async () => {
    const model = bigramModel(table);
    const long = { embeddings: tensor('f32', [1, 33, model.width]), padding: [0] };
    await expect(generate(model, long, { tokens })).rejects.toMatchObject({
      code: 'CONTEXT_LENGTH',
      message: expect.stringMatching(/33.*32/),
    });
    expect(model.calls).toEqual([]);
  });

  it('stops at the end of the context', async () => {
    const model = bigramModel(table);
    const { data } = await model.embed(new Array(31).fill(3));
    const long = { embeddings: tensor('f32', [1, 31, model.width], data), padding: [0] };
    const [[{ ids, finishReason }]] = await generate(model, long, { tokens, minNewTokens: 9 });
    expect({ ids, finishReason }).toEqual({ ids: [begin, 4, 5], finishReason: 'length' });
  });

  it.each<[string, Partial<GenerateOptions>]>([
    ['maxNewTokens', { maxNewTokens: 0 }],
    ['beams', { beams: 1.5 }],
    ['Sampling with 2 beams', { beams: 2, sampling: {} }],
    ['3 sequences .* 2 beams', { beams: 2, sequences: 3 }],
    ['2 sequences .* greedy', { sequences: 2 }],
    ['temperature', { sampling: { temperature: 0 } }],
    ['topK', { sampling: { topK: 0 } }],
    ['topP', { sampling: { topP: -1 } }],
    ['repetitionPenalty', { repetitionPenalty: 0 }],
    ['noRepeatNgram', { noRepeatNgram: -1 }],
    ['minLength', { minLength: Number.NaN }],
  ])('refuses %s', async (message, options) => {
    await expect(one(options)).rejects.toMatchObject({
      code: 'OPTION',
      message: expect.stringMatching(new RegExp(message)),
    });
  });
});

/** Every sequence from `token` on, best score first: ended ones, and those cut off at the limit. */
function exhaustive(token: number, limit: number, lengthPenalty: number) {
  const all: { ids: number[]; score: number }[] = [];
  const walk = (ids: number[], last: number, sum: number) => {
    const total = Math.log(table[last].reduce((s, x) => s + Math.exp(x), 0));
    table[last].forEach((logit, next) => {
      const logProbability = sum + logit - total;
      const length = next === end ? ids.length : ids.length + 1;
      const score = logProbability / length ** lengthPenalty;
      if (next === end || ids.length === limit) all.push({ ids: [...ids, next], score });
      else walk([...ids, next], next, logProbability);
    });
  };
  walk([begin], token, 0);
  return all.sort((a, b) => b.score - a.score);
}
