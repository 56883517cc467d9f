import { spawnSync } from 'node:child_process';
import { cpus, freemem, totalmem } from 'node:os';
import { EmuError } from '@emu-ts/base';
import type { Tier } from '@emu-ts/webgpu';
import { onnxRuntime, openWebGpu } from '../load/executors.js';
import { bytes } from './commands/checkpoint.js';

export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, or why not and what to do. */
  readonly detail: string;
  /** What a WebGPU device can do beyond the core, and why not. */
  readonly tiers?: readonly Tier[] | undefined;
}

/** What this machine has of all that the app can use. */
export const findings = async (): Promise<readonly Finding[]> => [
  machine(),
  await webgpu(),
  await onnx(),
  await gpujs(),
  await pictures(),
  video('ffmpeg'),
  video('ffprobe'),
];

export const because = (error: unknown): string =>
  error instanceof EmuError ? `${error.code}: ${error.message}` : String(error);

function machine(): Finding {
  const [cpu] = cpus();
  const detail = `Node ${process.versions.node}, ${cpus().length} × ${cpu?.model.trim() ?? process.arch}, ${bytes(freemem())} of ${bytes(totalmem())} free`;
  return { name: 'machine', ok: true, detail };
}

const found = async (name: string, look: () => Promise<Omit<Finding, 'name' | 'ok'>>): Promise<Finding> => {
  try {
    return { name, ok: true, ...(await look()) };
  } catch (error) {
    return { name, ok: false, detail: because(error) };
  }
};

const webgpu = () =>
  found('webgpu', async () => {
    await using executor = await openWebGpu();
    const { adapter, tiers, limits } = executor.capabilities;
    const kind = executor.device.adapterInfo.isFallbackAdapter ? ' (in software: slow)' : '';
    const binding = bytes(limits.maxStorageBufferBindingSize);
    return { detail: `${adapter}${kind}, tensors up to ${binding}`, tiers };
  });

const onnx = () =>
  found('onnx', async () => {
    const { env } = await onnxRuntime();
    return { detail: `ONNX Runtime ${env.versions.node ?? env.versions.common}, CPU` };
  });

const gpujs = () =>
  found('gpujs', async () => {
    const { gpujs: open } = await import('@emu-ts/gpujs');
    await using executor = await open();
    return { detail: `gpu.js in mode ${executor.mode}` };
  });

const pictures = () =>
  found('pictures', async () => {
    const { default: sharp } = await import('sharp').catch(() => {
      throw new EmuError('SHARP_MISSING', 'sharp could not be loaded.', {
        hint: 'Install it with: npm install sharp',
      });
    });
    return {
      detail: `sharp ${sharp.versions.sharp ?? ''}: PNG, JPEG, WebP, GIF, AVIF`.replace('  ', ' '),
    };
  });

function video(program: string): Finding {
  const { status, stdout } = spawnSync(program, ['-version'], { encoding: 'utf8' });
  if (status === 0) return { name: program, ok: true, detail: stdout.split('\n')[0] };
  return {
    name: program,
    ok: false,
    detail: 'not on the PATH: MP4 and WebM cannot be read (animated GIF and WebP can)',
  };
}
