import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { DecodedImage } from '@emu-ts/contracts';
import { encodePng } from '@emu-ts/media';
import type { EmuReply, EmuResult } from '../events.js';
import type { ProgressLine } from './progress.js';

export interface PrintOptions {
  readonly json?: boolean | undefined;
  readonly line: ProgressLine;
  readonly signal: AbortSignal;
  /** Where pictures go; with several, a number is put before the extension. */
  readonly out?: string | undefined;
}

/** Prints a reply as it arrives: text as it is written, pictures as the files they are saved in. */
export async function printReply(
  reply: EmuReply,
  { json, line, signal, out = 'emu.png' }: PrintOptions,
): Promise<EmuResult> {
  let text = '';
  const images: DecodedImage[] = [];
  const files: string[] = [];
  let end: Pick<EmuResult, 'reason' | 'usage' | 'warnings'> = {
    reason: 'length',
    usage: { input: 0, output: 0 },
    warnings: [],
  };
  for await (const event of reply) {
    if (event.type === 'text-delta') {
      line.clear();
      text += event.text;
      if (!json) process.stdout.write(event.text);
    } else if (event.type === 'image-progress') {
      line.update({ phase: event.phase, loaded: event.step, total: event.steps });
    } else if (event.type === 'image') {
      line.clear();
      images.push(event.image);
      const file = numbered(out, files.length);
      await writeFile(file, await encodePng(event.image, { signal }), { signal });
      files.push(file);
      if (!json) {
        const note = event.image.flagged ? ' (the safety checker refused it: it is black)' : '';
        process.stdout.write(`${text && files.length === 1 ? '\n' : ''}${file}${note}\n`);
      }
    } else if (event.type === 'finish') end = event;
  }
  line.clear();
  if (json) print({ text, images: files, flagged: images.map(({ flagged }) => flagged), ...pick(end) });
  else {
    if (text) process.stdout.write('\n');
    for (const warning of end.warnings) process.stderr.write(`Warning: ${warning}\n`);
  }
  return { text, images, ...end };
}

const pick = ({ reason, usage, warnings }: Pick<EmuResult, 'reason' | 'usage' | 'warnings'>) => ({
  reason,
  usage,
  warnings,
});

export const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

function numbered(file: string, index: number): string {
  if (index === 0) return file;
  const { dir, name, ext } = path.parse(file);
  return path.join(dir, `${name}-${index + 1}${ext}`);
}
