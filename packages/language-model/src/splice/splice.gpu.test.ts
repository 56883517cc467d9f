import { random, tensor } from '@emu-ts/base';
import { interpreter } from '@emu-ts/graph';
import { nnKernels } from '@emu-ts/nn/webgpu';
import { describeGpu, expectClose, watchReads } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';
import { expect, it } from 'vitest';
import { tinyConfig, tinyLlama } from '../../test/tiny-llama.js';
import { embedPrompts, generate, type Prompt } from '../index.js';
import { languageModelKernels } from '../webgpu.js';

/** Prompts with images are put together where their embeddings are, and read from there in chunks. */
const [pad, token] = [0, 3];
const config = { ...tinyConfig, layers: 1 };
const rows = [
  [1, 7, token, token, token, 9, 4],
  [1, token, token, token, 5],
];
const images = tensor('f32', [2, 3, config.width], random(2).normal(6 * config.width));

describeGpu('image embeddings', () => {
  it('reach the language model without coming back to the host', async () => {
    await using gpu = await webgpu({ kernels: [...languageModelKernels, ...nnKernels] });
    await using here = await tinyLlama({ executor: interpreter() }, config);
    await using there = await tinyLlama({ executor: gpu }, config);
    const options = { tokens: { begin: 1, end: 2, pad }, maxNewTokens: 3 };
    const host = await embedPrompts(here, rows, { pad, visual: { token, embeddings: images } });
    const wanted = await generate(here, host, options);
    using held = await gpu.upload(images);
    const placed = async (): Promise<Prompt & Disposable> =>
      embedPrompts(there, rows, { pad, visual: { token, embeddings: held } });
    (await placed())[Symbol.dispose]();
    const { used } = gpu.memory();
    let prompt: (Prompt & Disposable) | undefined;
    const { bytes } = await watchReads(gpu.device, async () => {
      prompt = await placed();
      expect(await generate(there, prompt, options)).toEqual(wanted);
    });
    // The logits of the first step, then tokens: seven positions were read in chunks of four.
    expect(Math.max(...bytes)).toBe(4 * rows.length * config.vocabSize);
    expect(bytes.filter((size) => size > 4 * rows.length)).toHaveLength(1);
    if (!prompt || !('read' in prompt.embeddings)) throw new Error('The prompt is not on the device.');
    expectClose('prompt', await prompt.embeddings.read(), host.embeddings as typeof images);
    prompt[Symbol.dispose]();
    expect(gpu.memory().used - used).toBeLessThan(2 ** 20); // programs, and no prompt
    await expect(prompt.embeddings.read()).rejects.toMatchObject({ code: 'DISPOSED' });
  });

  it('may come from another executor', async () => {
    await using gpu = await webgpu({ kernels: [...languageModelKernels, ...nnKernels] });
    await using other = interpreter();
    await using there = await tinyLlama({ executor: gpu }, config);
    const visual = (embeddings: typeof images | Awaited<ReturnType<typeof other.upload>>) =>
      embedPrompts(there, rows, { pad, visual: { token, embeddings } });
    using foreign = await other.upload(images);
    using prompt = await visual(foreign);
    const wanted = await visual(images);
    if (!('read' in prompt.embeddings)) throw new Error('The prompt is not on the device.');
    expectClose('prompt', await prompt.embeddings.read(), wanted.embeddings as typeof images);
  });
});
