import { EmuError } from '@emu-ts/base';
import { Command, CommanderError } from 'commander';
import { version } from '../../package.json';
import { chatCommand } from './commands/chat.js';
import { checkpointCommands } from './commands/checkpoint.js';
import { demoCommand } from './commands/demo.js';
import { doctorCommand } from './commands/doctor.js';
import { drawCommands } from './commands/draw.js';
import { evalCommand } from './commands/eval.js';
import { exportCommand } from './commands/export.js';
import { textCommands } from './commands/text.js';
import { trainCommands } from './commands/train.js';

/** Exit codes: 0 done, 1 failed, 2 the command line makes no sense, 130 interrupted. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** The command line. Returns the exit code; the first Ctrl-C stops cleanly, the second at once. */
export async function main(words: readonly string[]): Promise<number> {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
  };
  // A reader that has seen enough, such as `head`, is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(exitCodes.ok);
  });
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    await program(controller.signal).parseAsync([...words], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    return report(error, words.includes('--json'), controller.signal);
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

function program(signal: AbortSignal): Command {
  const emu = new Command('emu')
    .description('Any-to-any multimodal generation: texts, pictures and videos in, text or a picture out.')
    .version(version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  for (const add of [
    textCommands,
    chatCommand,
    drawCommands,
    checkpointCommands,
    exportCommand,
    doctorCommand,
    evalCommand,
    trainCommands,
    demoCommand,
  ])
    add(emu, signal);
  for (const command of emu.commands) command.exitOverride();
  return emu;
}

function report(error: unknown, json: boolean, signal: AbortSignal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (signal.aborted) {
    process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[2K' : ''}Interrupted.\n`);
    return exitCodes.interrupted;
  }
  const code = error instanceof EmuError ? error.code : 'UNEXPECTED';
  const message = error instanceof Error ? error.message : String(error);
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
  else process.stderr.write(`${code}: ${message}\n`);
  if (code === 'UNEXPECTED' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return exitCodes.failure;
}
