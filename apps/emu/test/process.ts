import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fixture } from '@emu-ts/testing';

/** The command line as a process of its own: what it prints, what it leaves, how it ends. */
const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const wgsl = fileURLToPath(new URL('../../../scripts/lib/wgsl.mjs', import.meta.url));
const sabotage = fileURLToPath(new URL('./sabotage.mjs', import.meta.url));
const flags = ['--conditions=@emu-ts/source', '--import', 'tsx', '--import', wgsl];

/** A small checkpoint of every part. */
export const checkpoint = fixture('goldens', 'checkpoint');
export const picture = (i: number) => fixture('goldens', 'images', `${i}.png`);

/** Hides every Vulkan driver of a machine. */
export const noDriver = { VK_ICD_FILENAMES: path.join(tmpdir(), 'no-such-driver.json') };

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A call of the file system. */
export interface Moment {
  readonly call: 'open' | 'rename' | 'appendFile' | 'rm';
  /** Of the path it is given first. */
  readonly path: RegExp;
  /** Which such call, counted from 1. */
  readonly nth?: number;
}

export interface Settings {
  readonly input?: string | undefined;
  readonly env?: Record<string, string> | undefined;
  /** Ends the process as `kill -9` does, in the middle of that call. */
  readonly killAt?: Moment | undefined;
  /** Files may become this large, in bytes: writing fails in the middle, as on a full disk. */
  readonly fileLimit?: number | undefined;
  /** Presses Ctrl-C when this has been printed. */
  readonly interruptAt?: RegExp | undefined;
}

export function emu(words: readonly string[], settings: Settings = {}): Promise<Outcome> {
  const { input, env, killAt, fileLimit, interruptAt } = settings;
  const program = [...flags, ...(killAt ? ['--import', sabotage] : []), cli, ...words];
  // The shell counts in blocks of 512 bytes, and Node has to be told of a failed write instead of being ended by it.
  const limited = `trap '' XFSZ; ulimit -f ${Math.floor((fileLimit ?? 0) / 512)}; exec "$0" "$@"`;
  const [command, args] =
    fileLimit === undefined
      ? [process.execPath, program]
      : ['sh', ['-c', limited, process.execPath, ...program]];
  const child = spawn(command, args, {
    env: {
      ...process.env,
      EMU_CHECKPOINT: checkpoint,
      NODE_OPTIONS: '',
      ...(killAt ? { EMU_KILL_AT: JSON.stringify({ nth: 1, ...killAt, path: killAt.path.source }) } : {}),
      ...env,
    },
  });
  let [stdout, stderr, interrupted] = ['', '', false];
  const look = (text: string) => {
    if (interrupted || !interruptAt?.test(text)) return;
    interrupted = true; // a second Ctrl-C would end it at once
    child.kill('SIGINT');
  };
  child.stdout.on('data', (data) => {
    stdout += data;
    look(stdout);
  });
  child.stderr.on('data', (data) => {
    stderr += data;
    look(stderr);
  });
  child.stdin.end(input ?? '');
  return new Promise((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
  );
}
