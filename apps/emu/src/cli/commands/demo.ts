import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ComponentsModel } from '@emu-ts/evaluation';
import { encodePng, type RgbImage } from '@emu-ts/media';
import type { Command } from 'commander';
import { contactSheet } from '../../tour/sheet.js';
import { type Stop, tour } from '../../tour/tour.js';
import { candidatesHelp, integer, type ModelOptions, number, useModel, withModel } from '../options.js';
import { print } from '../print.js';

interface DemoWords extends ModelOptions {
  readonly out: string;
  readonly steps?: number;
  readonly guidance?: number;
  readonly candidates?: number;
}

/** Every ability of the model once, on the world of shapes: prompts, replies, and whether they are right. */
export function demoCommand(emu: Command, signal: AbortSignal): void {
  withModel(emu.command('demo').exitOverride())
    .description('caption, answer, follow a video, draw and blend, and lay the pictures out on a sheet')
    .option('--out <folder>', 'where pictures go', 'out')
    .option('--steps <n>', "denoising steps of a picture (default: the model's own, or 50)", integer(1))
    .option('--guidance <x>', "how strongly pictures follow (default: the model's own, or 7.5)", number)
    .option('--candidates <n>', candidatesHelp, integer(1))
    .action(async (words: DemoWords) => {
      const { out, steps, guidance, candidates, seed, json } = words;
      await mkdir(out, { recursive: true });
      const save = async (name: string, image: RgbImage): Promise<string> => {
        const file = path.join(out, name);
        await writeFile(file, await encodePng(image, { signal }), { signal });
        return file;
      };
      const stops: Stop[] = [];
      await useModel({ ...words, safety: false }, signal, async ({ components }, line) => {
        const form = words.instruct ? 'dialogue' : 'document';
        const model = new ComponentsModel(components, {
          form,
          steps,
          guidanceScale: guidance,
          candidates,
        });
        for await (const stop of tour(model, { seed, signal })) {
          line.clear();
          const stem = `${String(stops.push(stop)).padStart(2, '0')}-${stop.title.toLowerCase().replaceAll(' ', '-')}`;
          for (const [i, image] of stop.given.entries()) await save(`${stem}-${i + 1}.png`, image);
          const made = await Promise.all(
            stop.made.map((image, i) => save(`${stem}-reply${i ? `-${i + 1}` : ''}.png`, image)),
          );
          if (json) print({ ...stop, given: stop.given.length, made });
          else process.stdout.write(`${tell(stop, made)}\n`);
        }
      });
      const sheet = await save('contact-sheet.png', contactSheet(stops));
      if (!json) process.stdout.write(`All pictures on one sheet: ${sheet}\n`);
    });
}

const tell = ({ title, asked, text, correct, reason }: Stop, made: readonly string[]): string =>
  [
    title,
    `  asked  ${asked || '(pictures only)'}`,
    `  reply  ${[text, ...made].filter(Boolean).join('  ')}`,
    `  judge  ${correct ? 'right' : `wrong: ${reason}`}`,
    '',
  ].join('\n');
