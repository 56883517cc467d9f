import type { HostTensor } from '@emu-ts/base';
import type { RgbImage } from '@emu-ts/contracts';
import { interpreter } from '@emu-ts/graph';
import { nnKernels } from '@emu-ts/nn/webgpu';
import { describeGpu } from '@emu-ts/testing';
import { OutOfMemoryError, type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { globals } from 'webgpu';
import { condition, tinyDecoder, unetWeights, vaeWeights } from '../../test/tiny-decoder.js';
import { diffusionDecoderKernels } from '../webgpu.js';
import { createDiffusionDecoder, type DiffusionDecoder } from './diffusion-decoder.js';

/** What crosses between GPU and host while noise becomes a picture, and what is left when it does not. */
const kernels = [...diffusionDecoderKernels, ...nnKernels];
const call = { steps: 4, guidanceScale: 4, height: 8, width: 8, scheduler: 'pndm' };
const calls = 5;

/** Counts the buffers that are read while `work` runs. */
async function countingReads<T>(device: GPUDevice, work: (reads: () => number) => Promise<T>): Promise<T> {
  const prototype = Object.getPrototypeOf(device.createBuffer({ size: 16, usage: 0x9 })) as GPUBuffer;
  const { mapAsync } = prototype;
  let reads = 0;
  prototype.mapAsync = function (...range) {
    reads++;
    return mapAsync.apply(this, range);
  };
  try {
    return await work(() => reads);
  } finally {
    prototype.mapAsync = mapAsync;
  }
}

describeGpu('denoising on a GPU', () => {
  const drawn = new Map<string, HostTensor>([...unetWeights(), ...vaeWeights()]);
  let gpu: WebGpuExecutor;
  let decoder: DiffusionDecoder;
  beforeAll(async () => {
    // Without a pool every model call allocates.
    gpu = await webgpu({ kernels, poolBytes: 0, restore: async (name) => drawn.get(name) as HostTensor });
    decoder = await createDiffusionDecoder(tinyDecoder(gpu));
    await decoder.decode(condition(2), call);
  });
  afterAll(async () => {
    await decoder?.dispose();
    await gpu?.dispose();
  });

  it('reads nothing between model calls, and goes where the interpreter goes', async () => {
    await using exact = await createDiffusionDecoder(tinyDecoder(interpreter()));
    for (const scheduler of ['pndm', 'ddim', 'dpmpp2m_karras', 'euler']) {
      const options = { ...call, scheduler, seed: 3 };
      const [wanted] = await exact.decode(condition(2), options);
      await countingReads(gpu.device, async (reads) => {
        const before: number[] = [];
        const [found] = await decoder.decode(condition(2), {
          ...options,
          onProgress: ({ phase }) => phase === 'denoise' && before.push(reads()),
        });
        expect(new Set(before), scheduler).toEqual(new Set([0]));
        expect(reads(), scheduler).toBe(2); // the latents, and the pixels
        expect(levels(found, wanted), scheduler).toBeLessThanOrEqual(1);
      });
    }
  });

  it('reads for previews, as often as they are asked for', async () => {
    await countingReads(gpu.device, async (reads) => {
      const seen: (readonly [step: number, reads: number])[] = [];
      const onPreview = ({ step }: { step: number }) => seen.push([step, reads()]);
      await decoder.decode(condition(2), { ...call, onPreview, previewEvery: 2 });
      expect(seen).toEqual([
        [2, 2],
        [4, 4],
      ]);
    });
  });

  it('holds as much after one picture as after the next', async () => {
    const before = gpu.memory();
    await decoder.decode(condition(2), { ...call, seed: 1 });
    const { used, buffers } = gpu.memory();
    expect({ used, buffers }).toEqual({ used: before.used, buffers: before.buffers });
  });

  it('stops between calls when it is aborted, and frees what it held', async () => {
    const { used } = gpu.memory();
    for (const at of [1, 3, calls]) {
      const controller = new AbortController();
      let done = 0;
      const onProgress = () => {
        if (++done === at) controller.abort();
      };
      const { signal } = controller;
      await expect(decoder.decode(condition(2), { ...call, signal, onProgress })).rejects.toMatchObject({
        name: 'AbortError',
      });
      expect(done).toBe(at);
      expect(gpu.memory().used).toBe(used);
    }
  });

  it('names what there was no memory for, at any call, and goes on when there is', async () => {
    const { used } = gpu.memory();
    const { GPUOutOfMemoryError } = globals as { GPUOutOfMemoryError: new (message: string) => GPUError };
    const { device } = gpu;
    let full = false;
    const pop = device.popErrorScope.bind(device);
    const value = async () => (await pop()) ?? (full ? new GPUOutOfMemoryError('no more') : null);
    Object.defineProperty(device, 'popErrorScope', { value, configurable: true });
    for (const at of [1, 3, calls]) {
      const onProgress = ({ loaded }: { loaded: number }) => {
        full = loaded === at;
      };
      await expect(decoder.decode(condition(2), { ...call, onProgress })).rejects.toBeInstanceOf(
        OutOfMemoryError,
      );
      full = false;
      expect(gpu.memory().used).toBe(used);
    }
    expect(await decoder.decode(condition(2), call)).toHaveLength(1);
  });

  it('ends with a typed error when the device goes away, and draws the same on another', async () => {
    const wanted = await decoder.decode(condition(2), call);
    const { used } = gpu.memory();
    const onProgress = ({ loaded }: { loaded: number }) => {
      if (loaded === 3) gpu.device.destroy();
    };
    await expect(decoder.decode(condition(2), { ...call, onProgress })).rejects.toMatchObject({
      code: 'DEVICE_LOST',
    });
    await gpu.recover();
    expect(gpu.memory().used).toBe(0);
    expect(await decoder.decode(condition(2), call)).toEqual(wanted);
    expect(gpu.memory().used).toBeLessThanOrEqual(used);
  });
});

/** How far two pictures differ at most. */
const levels = (a: RgbImage, b: RgbImage): number =>
  a.data.reduce((most, byte, at) => Math.max(most, Math.abs(byte - b.data[at])), 0);
