import { tensor, toF64 } from '@emu-ts/base';
import { interpreter } from '@emu-ts/graph';
import { initialize, tensorSource } from '@emu-ts/params';
import { describe, expect, it } from 'vitest';
import { tinyConfig } from '../../test/tiny-llama.js';
import { languageModel } from '../runtime/language-model.js';
import { llamaModel } from './model.js';
import { quantizeSource } from './quantize.js';

const plain = llamaModel(tinyConfig);
const source = tensorSource(initialize(plain.params, { seed: 4 }));

describe.each(['int8', 'int4'] as const)('weights in %s', (weights) => {
  const model = llamaModel({ ...tinyConfig, weights });
  const quantized = quantizeSource(source, model.params);

  it('are made of the plain ones, all others unchanged', async () => {
    expect(quantized.entries.has('decoder.lm.lm_head.codes')).toBe(true);
    expect(quantized.entries.has('decoder.lm.lm_head.weight')).toBe(false);
    const norm = 'decoder.lm.model.norm.weight';
    expect(await quantized.read(norm)).toBe(await source.read(norm));
  });

  it('say nearly the same', async () => {
    const embeddings = tensor('f32', [1, 4, tinyConfig.width]);
    const logits = await Promise.all(
      [
        { model: plain, source },
        { model, source: quantized },
      ].map(async (parts) => {
        await using lm = await languageModel({ executor: interpreter(), ...parts });
        const { data } = await lm.embed([3, 1, 4, 1]);
        embeddings.data.set(data);
        using scored = await lm.score(embeddings);
        return toF64(await scored.read());
      }),
    );
    const norm = (x: Float64Array) => Math.hypot(...x);
    const gap = norm(logits[0].map((x, i) => x - logits[1][i])) / norm(logits[0]);
    // Rounding to k bits errs by up to half a step of the largest of 32 weights, about 2^(1−k) of a typical one.
    expect(gap).toBeLessThan(weights === 'int8' ? 2 ** -5 : 2 ** -1);
    expect(gap).toBeGreaterThan(0);
  });
});
