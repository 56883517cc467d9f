import { describeGpu, fixture, watchReads } from '@emu-ts/testing';
import type { WebGpuExecutor } from '@emu-ts/webgpu';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Emu } from './index.js';
import { openWebGpu } from './load/executors.js';

/** What comes back to the host while the whole model runs on one device: tokens and pixels, and no embedding. */
const checkpoint = fixture('goldens', 'checkpoint');
const pictures = [0, 1, 2].map((i) => ({ image: fixture('goldens', 'images', `${i}.png`) }));
const words = { beams: 1, maxNewTokens: 4, minNewTokens: 3 } as const;

describeGpu('the whole model on one device', () => {
  let gpu: WebGpuExecutor;
  let emu: Emu;
  beforeAll(async () => {
    gpu = await openWebGpu();
    emu = await Emu.fromPretrained(checkpoint, { device: gpu, safetyChecker: false });
  });
  afterAll(async () => {
    await emu?.dispose();
    await gpu?.dispose();
  });

  /** The logits of the first token, then a token each. */
  const text = (tokens: number) => [
    4 * emu.components.languageModel.vocabSize,
    ...new Array<number>(tokens - 1).fill(4),
  ];

  const reads = async (work: () => Promise<unknown>): Promise<readonly number[]> =>
    (await watchReads(gpu.device, async () => void (await work()))).bytes;

  it('reads tokens alone of a caption and of a prompt of several pictures', async () => {
    expect(await reads(() => emu.caption(pictures[0], words).text())).toEqual(text(4));
    const shots = [pictures[0], 'One.', pictures[1], 'Two.', pictures[2]];
    expect(await reads(() => emu.complete(shots, words).text())).toEqual(text(4));
  });

  it('reads latents and pixels alone of a drawing, whatever it looks at', async () => {
    const { queries } = emu.components.causalTransformer;
    const steps: number[] = [];
    const call = { steps: 2, seed: 3, height: 32, width: 32 };
    const found = await reads(async () => {
      const [picture] = await emu
        .draw([pictures[0], 'and', pictures[1]], {
          ...call,
          onProgress: ({ phase, loaded }) => phase === 'embed' && steps.push(loaded),
        })
        .images();
      expect(picture.data.some((byte) => byte > 0)).toBe(true);
    });
    expect(steps).toHaveLength(queries);
    expect(found).toHaveLength(2);
    expect(found[1]).toBe(4 * 3 * call.height * call.width);
  });

  it('keeps pictures from turn to turn, and frees them and what was left or aborted', async () => {
    const chat = emu.chat();
    await chat.say([pictures[2], 'What is it?'], words).text();
    const { used } = gpu.memory();
    let looked = 0;
    const onProgress = ({ phase }: { phase: string }) => phase === 'prefill' && looked++;
    await chat.say('And?', { ...words, onProgress }).text();
    expect(looked).toBeGreaterThan(0);

    for await (const event of emu.complete([pictures[2], 'It is'], words))
      if (event.type === 'text-delta') break;
    const controller = new AbortController();
    const aborted = emu.draw([pictures[2]], {
      steps: 2,
      signal: controller.signal,
      onProgress: ({ phase, loaded }) => phase === 'embed' && loaded === 2 && controller.abort(),
    });
    await expect(aborted.images()).rejects.toMatchObject({ name: 'AbortError' });
    const again = await emu.complete([pictures[2], 'It is'], words).text();
    const settled = gpu.memory().used;
    expect(await emu.complete([pictures[2], 'It is'], words).text()).toBe(again);
    expect(gpu.memory().used).toBe(settled);
    expect(settled).toBeGreaterThanOrEqual(used);
    chat.dispose();
    expect(gpu.memory().used).toBeLessThan(settled);
  });

  it('holds nothing when it is disposed, not even of a dialogue that was not ended', async () => {
    await emu.chat().say('What is it?', words).text();
    await emu.dispose();
    expect(gpu.memory().used).toBe(0);
  });
});
