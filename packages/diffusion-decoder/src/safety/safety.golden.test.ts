import { convert, tensor, toF64 } from '@emu-ts/base';
import type { Executor } from '@emu-ts/graph';
import { executors, expectClose, expectSame, goldens } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type ClipSafetyChecker, createSafetyChecker, parseSafetyConfig } from './index.js';

const { activations, json, weights: open } = await goldens();
const config = parseSafetyConfig(await json('checkpoint/safety_checker/config.json'));

describe.each(executors())('safety checker on $name', ({ name: on, create }) => {
  let executor: Executor;
  let checker: ClipSafetyChecker;

  beforeAll(async () => {
    executor = await create();
    await using weights = await open('safety');
    checker = await createSafetyChecker({
      executor,
      config,
      weights,
      preprocess: async () => convert(await activations.read('safety.clip_input'), 'f32'),
    });
  });

  afterAll(async () => {
    await checker?.dispose();
    await executor?.dispose();
  });

  it('embeds', async () => {
    const pixels = convert(await activations.read('safety.clip_input'), 'f32');
    expectClose(
      `safety.image_embeds (${on})`,
      await checker.embed(pixels),
      await activations.read('safety.image_embeds'),
      {
        terms: config.mlpWidth,
        depth: 6 * config.layers,
      },
    );
  });

  it('flags', async () => {
    const verdicts = await checker.judge(convert(await activations.read('safety.clip_input'), 'f32'));
    const flags = Array.from(toF64(await activations.read('safety.flags')));
    expectSame(
      `safety.flags (${on})`,
      verdicts.map(({ flagged }) => Number(flagged)),
      flags,
    );
  });

  it('checks pictures one by one', async () => {
    const all = convert(await activations.read('safety.clip_input'), 'f32');
    const [count, ...rest] = all.shape;
    const length = all.data.length / count;
    const flags = Array.from(toF64(await activations.read('safety.flags')));
    for (let i = 0; i < count; i++) {
      const one = tensor('f32', [1, ...rest], all.data.slice(i * length, (i + 1) * length));
      const [{ flagged }] = await checker.judge(one);
      expectSame(`safety.flags[${i}] alone (${on})`, Number(flagged), flags[i]);
    }
  });
});
