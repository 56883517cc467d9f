import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nnKernels } from '@emu-ts/nn/webgpu';
import { onnx } from '@emu-ts/onnx';
import { describeGpu, fixture } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';
import * as ort from 'onnxruntime-node';
import { beforeAll, expect, it } from 'vitest';
import { Emu } from './index.js';

/** The whole model placed on WebGPU, in part and wholly, and what it says where it does not fit. */
const checkpoint = fixture('goldens', 'checkpoint');
const picture = { image: fixture('goldens', 'images', '0.png') };
const words = { beams: 1, maxNewTokens: 4 } as const;
const load = (device: Parameters<typeof Emu.fromPretrained>[1]) =>
  Emu.fromPretrained(checkpoint, { safetyChecker: false, ...device });

describeGpu('the model on WebGPU', () => {
  let wanted: string;

  beforeAll(async () => {
    await using executor = await onnx({ ort });
    await using emu = await load({ device: executor, imageDecoder: false });
    wanted = await emu.complete([picture, 'There is'], words).text();
  });

  it.each([
    ['wholly', 'webgpu'],
    ['the language model alone', { default: 'onnx', 'language-model': 'webgpu' }],
    ['all but the language model', { default: 'webgpu', 'language-model': 'onnx' }],
  ] as const)('says what ONNX Runtime says: %s', async (_, device) => {
    await using emu = await load({ device, imageDecoder: false });
    expect(await emu.complete([picture, 'There is'], words).text()).toBe(wanted);
  });

  it('makes each device once, and frees it with the model', async () => {
    await using executor = await webgpu({ kernels: nnKernels });
    const emu = await load({ device: executor, imageDecoder: false });
    expect(executor.memory().used).toBeGreaterThan(0);
    await emu.dispose();
    expect(executor.memory().used).toBe(0);
  });

  it('names both sides of a limit that the device lacks, and leaves nothing on it', async () => {
    await using roomy = await webgpu();
    const limits = new Proxy(roomy.device.limits, {
      get: (target, name) =>
        name === 'maxStorageBuffersPerShaderStage' ? 2 : Reflect.get(target, name, target),
    });
    const device = new Proxy(roomy.device, {
      get(target, name) {
        if (name === 'limits') return limits;
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await using small = await webgpu({ device, kernels: nnKernels });
    const emu = await load({ device: small, imageDecoder: false });
    const { used } = small.memory();
    await expect(emu.complete([picture, 'There is'], words).text()).rejects.toMatchObject({
      code: 'DEVICE_LIMIT',
      message: expect.stringMatching(/needs maxStorageBuffersPerShaderStage of \d+, this device has 2/),
    });
    expect(small.memory().used).toBe(used);
    await emu.dispose();
    expect(small.memory().used).toBe(0);
  });

  it('is chosen on the command line, and described by doctor', async () => {
    const caption = ['caption', picture.image, '--max-new-tokens', '2', '--beams', '1', '--device', 'webgpu'];
    const { code, stdout, stderr } = await emu([...caption, '--checkpoint', checkpoint]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.length).toBeGreaterThan(1);
    const report = JSON.parse(
      (await emu(['doctor', '--json', '--device', 'onnx,image-decoder=webgpu'])).stdout,
    );
    expect(report.placement).toMatchObject({ 'language-model': 'onnx', 'image-decoder': 'webgpu' });
    const { ok, tiers } = report.findings.find(({ name }: { name: string }) => name === 'webgpu');
    expect(ok).toBe(true);
    expect(tiers.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['core', 'f16', 'subgroups', 'dp4a', 'subgroup-matrix']),
    );
    for (const { reason } of tiers) expect(reason).toMatch(/\w/);
  });

  it('says what fast products take of the device, and runs all the same', async () => {
    const fast = ['--device', 'webgpu', '--precision', 'fast'];
    const caption = ['caption', picture.image, '--max-new-tokens', '2', '--beams', '1', ...fast];
    const { code, stderr } = await emu([...caption, '--checkpoint', checkpoint]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { stdout } = await emu(['doctor', ...fast]);
    expect(stdout).toMatch(/^ {2}[✓✗] operands in f16 on matrix units: \w/m);
    expect(stdout).toMatch(/^ {2}[✓✗] operands of int8 and int4 layers in bytes: \w/m);
    expect((await emu(['doctor', '--device', 'onnx', '--precision', 'fast'])).stdout).toContain(
      'onnx rounds nothing',
    );
  });
});

/** The command line in a process of its own, on the adapter of this one. */
function emu(words: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
  const flags = [
    '--conditions=@emu-ts/source',
    '--import',
    'tsx',
    '--import',
    here('../../../scripts/lib/wgsl.mjs'),
  ];
  const { VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: libraries } = process.env;
  const child = spawn(process.execPath, [...flags, here('./cli.ts'), ...words], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      ...(driver ? { LD_LIBRARY_PATH: [path.dirname(driver), libraries].filter(Boolean).join(':') } : {}),
    },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}
