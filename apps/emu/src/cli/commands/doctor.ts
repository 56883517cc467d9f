import { spawnSync } from 'node:child_process';
import { cpus, freemem, totalmem } from 'node:os';
import { EmuError } from '@emu-ts/base';
import type { Tier } from '@emu-ts/webgpu';
import type { Command } from 'commander';
import { type DeviceName, parsePlacement, placeable, placement } from '../../load/devices.js';
import { chooseExecutor, createExecutor, onnxRuntime, openWebGpu } from '../../load/executors.js';
import { deviceHelp } from '../options.js';
import { print } from '../print.js';
import { bytes } from './checkpoint.js';

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, or why not and what to do. */
  readonly detail: string;
  /** What a WebGPU device can do beyond the core, and why not. */
  readonly tiers?: readonly Tier[] | undefined;
}

/** A device that was asked for, what it turned out to be, and why nothing faster. */
interface Answer {
  readonly device: DeviceName;
  readonly runs?: string | undefined;
  readonly reasons: readonly string[];
}

/** Says what this machine can run, what would run where, and why not what it cannot. */
export function doctorCommand(emu: Command): void {
  emu
    .command('doctor')
    .description('say what this machine can run, what would run where, and why not what it cannot')
    .option('--device <where>', deviceHelp, 'auto')
    .option('--json', 'print JSON')
    .action(async ({ device, json }: { device: string; json?: boolean }) => {
      const wanted = placement(parsePlacement(device)) as Readonly<Record<string, DeviceName>>;
      const findings = [
        machine(),
        await webgpu(),
        await onnx(),
        await gpujs(),
        await pictures(),
        video('ffmpeg'),
        video('ffprobe'),
      ];
      const answers = new Map<DeviceName, Answer>();
      for (const name of new Set(Object.values(wanted))) answers.set(name, await ask(name));
      const runs = (component: string) => answers.get(wanted[component])?.runs;
      if (json)
        return print({
          findings,
          placement: Object.fromEntries(placeable.map((name) => [name, runs(name) ?? null])),
          devices: [...answers.values()],
        });
      const lines = [
        ...findings.flatMap(described),
        '',
        `--device ${device} runs`,
        ...placeable.map((name) => `  ${name.padEnd(20)} on ${runs(name) ?? 'nothing'}`),
        ...[...answers.values()].flatMap(({ reasons }) => reasons.map((reason) => `  not on ${reason}`)),
      ];
      process.stdout.write(`${lines.join('\n')}\n`);
    });
}

const described = ({ name, ok, detail, tiers = [] }: Finding): string[] => [
  `${ok ? '✓' : '✗'} ${name.padEnd(14)} ${detail}`,
  ...tiers.map((tier) => `    ${tier.taken ? '✓' : '✗'} ${tier.name.padEnd(16)} ${tier.reason}`),
];

async function ask(device: DeviceName): Promise<Answer> {
  try {
    if (device !== 'auto') {
      await (await createExecutor(device)).dispose();
      return { device, runs: device, reasons: [] };
    }
    const { name, executor, refused } = await chooseExecutor();
    await executor.dispose();
    return { device, runs: name, reasons: refused };
  } catch (error) {
    return { device, reasons: [`${device}: ${because(error)}`] };
  }
}

const because = (error: unknown): string =>
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
