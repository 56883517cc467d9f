import { tensor } from '@emu-ts/base';
import { languageModelChecks } from '@emu-ts/contracts/conformance';
import { type Executor, interpreter } from '@emu-ts/graph';
import { describeOp, executors } from '@emu-ts/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { tinyConfig, tinyLlama } from '../test/tiny-llama.js';
import { cases } from './cached-attention/cases.js';
import { cachedAttentionOp } from './cached-attention/op.js';

describeOp(cachedAttentionOp, cases, { gradient: false, executors: ['onnx'] });

const onnx = executors().filter(({ name }) => name === 'onnx');

describe.each(onnx)('the language model on $name', async ({ create }) => {
  const executor = await create();
  afterAll(() => executor.dispose());

  it.each(languageModelChecks(() => tinyLlama({ executor })))('$name', ({ run }) => run());

  it.each(['int8', 'int4'] as const)('runs %s weights as the interpreter does', async (weights) => {
    const row = async (on: Executor) => {
      await using model = await tinyLlama({ executor: on }, { ...tinyConfig, weights });
      const { data } = await model.embed([3, 1, 4, 1]);
      using scored = await model.score(tensor('f32', [1, 4, model.width], data));
      return (await scored.read()).data as Float32Array;
    };
    const [got, wanted] = [await row(executor), await row(interpreter())];
    const norm = (x: Float32Array) => Math.hypot(...x);
    const gap = norm(got.map((x, i) => x - wanted[i])) / norm(wanted);
    // ONNX Runtime may round activations to 8 bits, in every one of 7 products per layer.
    expect(gap).toBeLessThan(2 ** -8 * Math.sqrt(7 * tinyConfig.layers) * 4);
  });

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
