import { spawnSync } from 'node:child_process';
import { cpus, freemem, totalmem } from 'node:os';
import type { Command } from 'commander';
import { onnxRuntime, placeable } from '../../load/devices.js';
import { print } from '../print.js';
import { bytes } from './checkpoint.js';

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, or why not and what to do. */
  readonly detail: string;
}

/** Says what this machine can run, and why not what it cannot. */
export function doctorCommand(emu: Command): void {
  emu
    .command('doctor')
    .description('say what this machine can run, and why not what it cannot')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const findings = [machine(), await onnx(), await pictures(), video('ffmpeg'), video('ffprobe')];
      const device = findings[1].ok ? 'onnx' : 'reference';
      const placement = Object.fromEntries(placeable.map((component) => [component, device]));
      if (json) return print({ findings, auto: placement });
      for (const { name, ok, detail } of findings)
        process.stdout.write(`${ok ? '✓' : '✗'} ${name.padEnd(14)} ${detail}\n`);
      process.stdout.write(`\n--device auto runs every component on '${device}'.\n`);
    });
}

function machine(): Finding {
  const [cpu] = cpus();
  const detail = `Node ${process.versions.node}, ${cpus().length} × ${cpu?.model.trim() ?? process.arch}, ${bytes(freemem())} of ${bytes(totalmem())} free`;
  return { name: 'machine', ok: true, detail };
}

async function onnx(): Promise<Finding> {
  try {
    const { env } = await onnxRuntime();
    return {
      name: 'onnx',
      ok: true,
      detail: `ONNX Runtime ${env.versions.node ?? env.versions.common}, CPU`,
    };
  } catch (error) {
    return { name: 'onnx', ok: false, detail: (error as Error).message };
  }
}

async function pictures(): Promise<Finding> {
  try {
    const { default: sharp } = await import('sharp');
    return {
      name: 'pictures',
      ok: true,
      detail: `sharp ${sharp.versions.sharp ?? ''}: PNG, JPEG, WebP, GIF, AVIF`.replace('  ', ' '),
    };
  } catch {
    return {
      name: 'pictures',
      ok: false,
      detail: 'sharp could not be loaded. Install it with: npm install sharp',
    };
  }
}

function video(program: string): Finding {
  const { status, stdout } = spawnSync(program, ['-version'], { encoding: 'utf8' });
  if (status === 0) return { name: program, ok: true, detail: stdout.split('\n')[0] };
  return {
    name: program,
    ok: false,
    detail: 'not on the PATH: MP4 and WebM cannot be read (animated GIF and WebP can)',
  };
}
