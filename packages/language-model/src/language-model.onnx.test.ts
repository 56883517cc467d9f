import { languageModelChecks } from '@emu-ts/contracts/conformance';
import { describeOp, executors } from '@emu-ts/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { tinyLlama } from '../test/tiny-llama.js';
import { cases } from './cached-attention/cases.js';
import { cachedAttentionOp } from './cached-attention/op.js';

describeOp(cachedAttentionOp, cases, { gradient: false, executors: ['onnx'] });

const onnx = executors().filter(({ name }) => name === 'onnx');

describe.each(onnx)('the language model on $name', async ({ create }) => {
  const executor = await create();
  afterAll(() => executor.dispose());

  it.each(languageModelChecks(() => tinyLlama({ executor })))('$name', ({ run }) => run());

  it('keeps keys and values in half floats when asked', async () => {
    const hidden = await Promise.all(
      (['f32', 'f16'] as const).map(async (cacheDType) => {
        await using model = await tinyLlama({ executor, cacheDType });
        using session = await model.open({ batch: 1, capacity: 12 });
        for (const id of [3, 1, 4, 1]) (await session.step([id])).dispose();
        using last = await session.step([5]);
        return (await last.read()).data as Float32Array;
      }),
    );
    const gap = Math.max(...hidden[0].map((x, i) => Math.abs(x - hidden[1][i])));
    expect(gap).toBeGreaterThan(0);
    expect(gap).toBeLessThan(2 ** -7); // a few roundings of 2^−11 to numbers around 1
  });
});
