import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { tensor } from '@emu-ts/base';
import { add, defineOp, graphOf, input, tensorType } from '@emu-ts/graph';
import { nullGpu } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineKernel, ShaderError, type WebGpuExecutor, webgpu } from '../index.js';

/** What goes wrong before anything is computed, and what loading costs: on a device that computes nothing. */
const twiceOp = () =>
  defineOp({
    name: 'test.twice',
    inputs: ['x'],
    outputs: ['y'],
    infer: ({ x }, _: Record<string, never>) => ({ y: x }),
    decompose: ({ x }) => ({ y: add(x, x) }),
  });
const [here, elsewhere] = [twiceOp(), twiceOp()];
const kernelOf = (source: string, limits: Partial<Record<'width', number>> = {}) =>
  defineKernel(here, {
    name: 'test.twice fast',
    source,
    workgroups: () => 1,
    overrides: () => ({ LANES: limits.width ?? 1 }),
  });
const main = 'override LANES: u32 = 1u;\n@compute @workgroup_size(LANES) fn main() {';
const x = input('x', tensorType('f32', [4]));

let gpu: GPU;
beforeAll(async () => {
  gpu = await nullGpu();
});

describe('a kernel', () => {
  const compile = async (kernel: ReturnType<typeof kernelOf>, op = here) => {
    await using executor = await webgpu({ gpu, kernels: [kernel] });
    const before = executor.memory();
    const failure = await executor.compile(graphOf({ y: op({ x }, {}).y })).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(executor.memory().used).toBe(before.used);
    return failure;
  };

  it('that does not compile is named, with the line of its own file', async () => {
    const failure = await compile(kernelOf(`${main}\n  store_y(0u, missing);\n}`));
    expect(failure).toBeInstanceOf(ShaderError);
    expect(failure).toMatchObject({ code: 'SHADER', line: 3 });
    expect(String(failure)).toContain("test.twice fast does not compile: line 3: unresolved value 'missing'");
  });

  it('that asks for more than the device has is refused with a typed error', async () => {
    const failure = await compile(kernelOf(`${main} store_y(0u, load_x(0u)); }`, { width: 4096 }));
    expect(failure).toMatchObject({ code: expect.stringMatching(/^(SHADER|VALIDATION)$/) });
    expect(String(failure)).toContain('test.twice fast');
  });

  it('for another copy of an op says that two copies are installed', async () => {
    const failure = await compile(kernelOf(`${main} store_y(0u, load_x(0u)); }`), elsewhere);
    expect(failure).toMatchObject({ code: 'DUPLICATE_OP' });
    expect(String(failure)).toContain('keep one');
  });
});

describe('loading', () => {
  let executor: WebGpuExecutor;
  beforeAll(async () => {
    executor = await webgpu({ gpu });
  });
  afterAll(() => executor?.dispose());

  it('holds little more of the host than its largest tensor', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const sizes = [24, 48, 32, 48, 48].map((megabytes) => megabytes * 2 ** 18);
    const largest = 4 * Math.max(...sizes);
    /** Memory of the process, less what this device, which keeps its buffers in it, holds. */
    const held = () => {
      gc();
      return process.memoryUsage().rss - executor.memory().used;
    };
    const placed = [];
    const before = held();
    let peak = 0;
    for (const size of sizes) {
      const weight = tensor('f32', [size]);
      weight.data.fill(1);
      const uploading = executor.upload(weight);
      peak = Math.max(peak, held() - before);
      placed.push(await uploading);
      peak = Math.max(peak, held() - before);
    }
    expect(executor.memory().used).toBe(sizes.reduce((n, size) => n + 4 * size, 0));
    expect(peak).toBeLessThanOrEqual(1.15 * largest + 64 * 2 ** 20);
    for (const weight of placed) weight.dispose();
  });
});

it('frees what a failed upload placed', async () => {
  await using executor = await webgpu({ gpu, poolBytes: 0 });
  const before = executor.memory();
  const controller = new AbortController();
  const { signal } = controller;
  const uploading = executor.upload(tensor('f32', [2 ** 24]), { signal });
  controller.abort();
  await expect(uploading).rejects.toMatchObject({ name: 'AbortError' });
  expect(executor.memory()).toEqual({ ...before, peak: executor.memory().peak });
});
