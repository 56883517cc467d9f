import type { Command } from 'commander';
import type { DrawOptions } from '../../emu.js';
import { parseItems } from '../items.js';
import { type ModelOptions, useModel, withDrawing, withModel } from '../options.js';
import { printReply } from '../print.js';

interface DrawWords extends ModelOptions {
  readonly steps?: number;
  readonly guidance?: number;
  readonly candidates?: number;
  readonly size?: { width: number; height: number };
  readonly scheduler?: string;
  readonly out: string;
}

const drawOf = ({ steps, guidance, candidates, size, scheduler, seed }: DrawWords): DrawOptions => ({
  steps,
  guidanceScale: guidance,
  candidates,
  ...size,
  scheduler,
  seed,
});

/** Commands that make a picture. */
export function drawCommands(emu: Command, signal: AbortSignal): void {
  const commands = [
    ['draw', 'draw what texts and pictures say, in order', '<items...>'],
    ['blend', 'blend two or more pictures', '<pictures...>'],
  ] as const;
  for (const [name, description, argument] of commands) {
    withDrawing(withModel(emu.command(name)))
      .description(description)
      .argument(argument)
      .action(async (items: string[], words: DrawWords) => {
        const parsed = parseItems(items);
        await useModel(words, signal, async (model, line) => {
          const options = { ...drawOf(words), signal, onProgress: line.update };
          const reply = name === 'draw' ? model.draw(parsed, options) : model.blend(parsed, options);
          await printReply(reply, { json: words.json, line, signal, out: words.out });
        });
      });
  }
}
