import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { EmuItem } from '../../items.js';
import { parseItems } from '../items.js';
import { type ModelOptions, useModel, withModel, withSampling } from '../options.js';
import { printReply } from '../print.js';
import { type SamplingWords, samplingOf } from './text.js';

/** A dialogue: every line is a turn. Files given first, or named after `/add`, are shown with the next turn. */
export function chatCommand(emu: Command, signal: AbortSignal): void {
  withSampling(withModel(emu.command('chat')))
    .description('talk about pictures and videos, turn after turn')
    .argument('[files...]', 'pictures and videos to talk about')
    .action(async (files: string[], words: ModelOptions & SamplingWords) => {
      let pending: EmuItem[] = parseItems(files);
      await useModel(words, signal, async (model, line) => {
        using chat = model.chat();
        const lines = createInterface({ input: process.stdin, terminal: false });
        const stop = () => lines.close();
        signal.addEventListener('abort', stop, { once: true });
        const ask = () => void (process.stdin.isTTY && process.stderr.write('> '));
        ask();
        for await (const text of lines) {
          const said = text.trim();
          if (said === '/quit') break;
          if (said.startsWith('/add ')) pending.push(...parseItems([said.slice('/add '.length).trim()]));
          else if (said) {
            const reply = chat.say([...pending, said], {
              ...samplingOf(words),
              signal,
              onProgress: line.update,
            });
            pending = [];
            await printReply(reply, { json: words.json, line, signal });
          }
          ask();
        }
        signal.removeEventListener('abort', stop);
        signal.throwIfAborted();
      });
    });
}
