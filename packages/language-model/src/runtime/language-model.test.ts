import { tensor } from '@emu-ts/base';
import { languageModelChecks } from '@emu-ts/contracts/conformance';
import { interpreter } from '@emu-ts/graph';
import { initialize, tensorSource } from '@emu-ts/params';
import { describe, expect, it } from 'vitest';
import { tinyConfig, tinyLlama } from '../../test/tiny-llama.js';
import { watchedExecutor } from '../../test/watched-executor.js';
import { languageModel, llamaModel } from '../index.js';

describe('the language model', () => {
  it.each(languageModelChecks(() => tinyLlama()))('$name', ({ run }) => run());

  it('reads a prompt in chunks, and compiles few programs for many lengths', async () => {
    const { executor, compiled } = watchedExecutor();
    await using model = await tinyLlama({ executor, prefillChunk: 8 });
    for (const length of [5, 6, 7, 8, 13, 15, 16]) {
      using session = await model.open({ batch: 1, capacity: 30 });
      await session.prefill(tensor('f32', [1, length, model.width]));
      await session.step([1]);
    }
    expect(compiled()).toBe(2);
  });

  it('compiles one program for every position', async () => {
    const { executor, compiled } = watchedExecutor();
    await using model = await tinyLlama({ executor });
    using session = await model.open({ batch: 2, capacity: 20 });
    for (let i = 0; i < 20; i++) (await session.step([i, i + 1])).dispose();
    expect(compiled()).toBe(1);
  });

  it('keeps nothing on the executor once sessions and model are disposed', async () => {
    const { executor, held } = watchedExecutor();
    const model = await tinyLlama({ executor });
    const weights = held();
    const session = await model.open({ batch: 2, capacity: 12 });
    (await session.step([1, 2])).dispose();
    await session.reorder([0, 0, 1]);
    (await session.step([1, 2, 3])).dispose();
    await session.reorder([2, 1, 0]);
    (await session.step([1, 2, 3])).dispose();
    session.dispose();
    expect(held()).toBe(weights);
    await model.dispose();
    expect(held()).toBe(0);
  });

  it('is lost as a session, but not as a model, to a call that fails half-way', async () => {
    await using model = await tinyLlama();
    using session = await model.open({ batch: 1, capacity: 12 });
    const controller = new AbortController();
    const step = session.step([1], { signal: controller.signal });
    controller.abort();
    await expect(step).rejects.toMatchObject({ name: 'AbortError' });
    await expect(session.step([1])).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
    using next = await model.open({ batch: 1, capacity: 12 });
    await next.step([1]);
  });

  it('refuses two calls at once on one session', async () => {
    await using model = await tinyLlama();
    using session = await model.open({ batch: 1, capacity: 12 });
    const [first, second] = await Promise.allSettled([session.step([1]), session.step([2])]);
    expect(first.status).toBe('fulfilled');
    expect(second).toMatchObject({ reason: { code: 'SESSION_CLOSED' } });
    expect(session.length).toBe(1);
  });

  it('names what a checkpoint lacks, and leaves other components alone', async () => {
    const model = llamaModel(tinyConfig);
    const weights = initialize(model.params, { seed: 1 });
    weights.set('decoder.lm.stu_regress_head.weight', tensor('f32', [60, 60]));
    weights.set('visual.cls_token', tensor('f32', [1]));
    weights.set('decoder.lm.model.layers.0.self_attn.rotary_emb.inv_freq', tensor('f32', [5]));
    const load = () => languageModel({ executor: interpreter(), model, source: tensorSource(weights) });
    await (await load()).dispose();
    weights.delete('decoder.lm.model.norm.weight');
    weights.set('decoder.lm.model.layers.2.input_layernorm.weight', tensor('f32', [60]));
    await expect(load()).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      missing: ['decoder.lm.model.norm.weight'],
      unexpected: ['decoder.lm.model.layers.2.input_layernorm.weight'],
    });
  });

  it('refuses a chunk that is no power of two', async () => {
    await expect(tinyLlama({ prefillChunk: 48 })).rejects.toMatchObject({ code: 'OPTION' });
  });
});
