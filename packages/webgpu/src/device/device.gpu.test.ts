import { tensor } from '@emu-ts/base';
import { add, full, graphOf, input, tensorType } from '@emu-ts/graph';
import { describeGpu } from '@emu-ts/testing';
import { expect, it } from 'vitest';
import { DeviceLimitError, DeviceLostError, NoAdapterError, OutOfMemoryError, webgpu } from '../index.js';
import { dawnOptions } from './acquire.js';
import { Buffers } from './buffers.js';

/** One Dawn a process: what `webgpu()` would make is handed in here, so that devices can be taken from it. */
const { create, globals } = await import('webgpu');
const gpu = create([...dawnOptions]) as GPU;

const graph = (n: number) => graphOf({ y: add(input('x', tensorType('f32', [n])), 1) });
const device = async (descriptor?: GPUDeviceDescriptor) => {
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error('There is no adapter.');
  return adapter.requestDevice(descriptor);
};

describeGpu('devices', () => {
  it('uses a device that is handed in and leaves it alone afterwards', async () => {
    const own = await device();
    const executor = await webgpu({ device: own });
    const program = await executor.compile(graph(2));
    const { y } = await program.run({ x: tensor('f32', [2], [1, 2]) });
    expect([...(await y.read()).data]).toEqual([2, 3]);
    await executor.dispose();
    await expect(program.run({ x: tensor('f32', [2]) })).rejects.toMatchObject({ code: 'DISPOSED' });
    const buffer = own.createBuffer({ size: 16, usage: 0x80 });
    await own.queue.onSubmittedWorkDone();
    buffer.destroy();
    own.destroy();
  });

  it('names the tensor and the limit that is too low', async () => {
    await using executor = await webgpu({ device: await device() });
    const failure = await executor.compile(graph(2 ** 26)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DeviceLimitError);
    expect(failure).toMatchObject({
      code: 'DEVICE_LIMIT',
      limit: 'maxStorageBufferBindingSize',
      needed: 2 ** 28,
      available: 2 ** 27,
    });
    expect(String(failure)).toContain("'x' (operand 'a' of prim.add vec4)");
  });

  it('turns a lost device into a typed error, and another executor takes over', async () => {
    const doomed = await device();
    const executor = await webgpu({ device: doomed });
    const program = await executor.compile(graph(4));
    const x = await executor.upload(tensor('f32', [4]));
    doomed.destroy();
    expect(await executor.lost).toBeInstanceOf(DeviceLostError);
    for (const attempt of [
      program.run({ x }),
      x.read(),
      executor.upload(tensor('f32', [1])),
      executor.compile(graph(1)),
    ])
      await expect(attempt).rejects.toMatchObject({ code: 'DEVICE_LOST', reason: 'destroyed' });
    await expect(executor.recover()).rejects.toMatchObject({ code: 'DEVICE' });
    await executor.recover({ device: await device() });
    await expect(x.read()).rejects.toMatchObject({ code: 'DEVICE_LOST' });
    const moved = await program.run({ x: tensor('f32', [4]) });
    expect([...(await moved.y.read()).data]).toEqual([1, 1, 1, 1]);
    await executor.dispose();

    await using next = await webgpu({ gpu });
    await using again = await next.compile(graph(4));
    const { y } = await again.run({ x: tensor('f32', [4]) });
    expect([...(await y.read()).data]).toEqual([1, 1, 1, 1]);
  });

  it('moves programs to a new device, their weights read again by name', async () => {
    const read: string[] = [];
    const weights = { w: tensor('f32', [2], [10, 20]), v: tensor('f32', [2], [1, 2]) };
    await using executor = await webgpu({
      gpu,
      restore: async (name) => {
        read.push(name);
        return weights[name as 'w'];
      },
    });
    const x = input('x', tensorType('f32', [2]));
    const w = input('w', tensorType('f32', [2]));
    const sums = graphOf({ y: add(add(x, w), input('v', tensorType('f32', [2]))) });
    const shared = await executor.upload(weights.w);
    const programs = [
      await executor.compile(sums, { weights: { w: shared, v: weights.v } }),
      await executor.compile(graphOf({ y: add(x, w) }), { weights: { w: shared } }),
    ];
    const given = { x: tensor('f32', [2], [0.5, 0.5]) };
    executor.device.destroy();
    await executor.lost;
    await expect(programs[0].run(given)).rejects.toMatchObject({ code: 'DEVICE_LOST' });
    await executor.recover();
    const results = await Promise.all(programs.map(async (program) => (await program.run(given)).y.read()));
    expect(results.map(({ data }) => [...data])).toEqual([
      [11.5, 22.5],
      [10.5, 20.5],
    ]);
    expect(read.sort()).toEqual(['v', 'w']);
    await expect(shared.read()).rejects.toMatchObject({ code: 'DEVICE_LOST' });
    await executor.recover();
  });

  it('rejects a read that was waiting when the device went', async () => {
    const doomed = await device();
    await using executor = await webgpu({ device: doomed });
    const x = await executor.upload(tensor('f32', [4]));
    const reading = x.read();
    doomed.destroy();
    await expect(reading).rejects.toMatchObject({ code: 'DEVICE_LOST' });
  });

  it('names what there was no memory for, after giving pooled memory back', async () => {
    const { GPUOutOfMemoryError } = globals as { GPUOutOfMemoryError: new (message: string) => GPUError };
    const errors: (GPUError | null)[] = [];
    let scopes = 0;
    const full = {
      limits: { maxBufferSize: 2 ** 20, maxStorageBufferBindingSize: 2 ** 20 },
      createBuffer: ({ size }: GPUBufferDescriptor) => {
        if (size > 64) errors.push(new GPUOutOfMemoryError('allocation failed'));
        return { destroy: () => {} };
      },
      pushErrorScope: () => scopes++,
      popErrorScope: async () => (scopes-- === 3 ? (errors.pop() ?? null) : null),
    } as unknown as GPUDevice;
    const buffers = new Buffers(full, 1024);
    buffers.release(await buffers.allocate(64, 'a small one'));
    expect(buffers.use()).toMatchObject({ used: 0, pooled: 64 });
    const failure = await buffers.allocate(128, "weight 'lm_head'").catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OutOfMemoryError);
    expect(String(failure)).toContain(
      "There is no GPU memory left for weight 'lm_head' (allocation failed).",
    );
    expect(buffers.use()).toMatchObject({ used: 0, pooled: 0, buffers: 0 });
  });

  it('says so when there is no adapter', async () => {
    const none = { requestAdapter: async () => null, wgslLanguageFeatures: new Set() } as unknown as GPU;
    await expect(webgpu({ gpu: none })).rejects.toBeInstanceOf(NoAdapterError);
  });

  it('takes no tier that is switched off, and says why', async () => {
    await using executor = await webgpu({ gpu, tiers: ['core'] });
    expect(executor.capabilities.features.has('subgroups')).toBe(false);
    expect(executor.report()).toContain('subgroups no: switched off by the caller');
    expect(executor.capabilities.tiers.find(({ name }) => name === 'core')?.taken).toBe(true);
    await using program = await executor.compile(graphOf({ y: full([2], 3) }));
    const { y } = await program.run({});
    expect([...(await y.read()).data]).toEqual([3, 3]);
  });

  it('reports what WebGPU refuses outside of any scope', async () => {
    await using executor = await webgpu({ gpu });
    executor.device.queue.writeBuffer(
      executor.device.createBuffer({ size: 4, usage: 0x8 }),
      0,
      new Uint8Array(8),
    );
    await executor.device.queue.onSubmittedWorkDone();
    await expect(executor.upload(tensor('f32', [1]))).rejects.toMatchObject({ code: 'VALIDATION' });
    (await executor.upload(tensor('f32', [1]))).dispose();
  });
});
