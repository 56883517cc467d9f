import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { encodePng, type RgbImage, rgbImage } from '@emu-ts/media';
import type { Command } from 'commander';
import { type ModelOptions, useModel, withModel } from '../options.js';
import { printReply } from '../print.js';

/** Shows that everything works: captions a picture that it paints itself, and draws one. */
export function demoCommand(emu: Command, signal: AbortSignal): void {
  withModel(emu.command('demo'))
    .description('caption a picture and draw one')
    .option('--picture <file>', 'the picture to caption; painted by the demo when none is given')
    .option('--out <folder>', 'where pictures go', 'out')
    .option('--note <text>', 'printed first')
    .option('--no-safety', 'do not run the safety checker')
    .action(async (words: ModelOptions & { picture?: string; out: string; note?: string }) => {
      const say = (text: string) => void (words.json || process.stdout.write(`${text}\n`));
      if (words.note) say(`${words.note}\n`);
      await mkdir(words.out, { recursive: true });
      const picture = words.picture ?? path.join(words.out, 'painted.png');
      if (!words.picture) await writeFile(picture, await encodePng(paint(), { signal }), { signal });
      await useModel(words, signal, async (model, line) => {
        const options = { signal, onProgress: line.update };
        say(`Caption of ${picture}:`);
        const caption = model.caption({ image: picture }, { ...options, maxNewTokens: 24 });
        await printReply(caption, { json: words.json, line, signal });
        const prompt = 'An image of a dog wearing a pair of glasses.';
        say(`\nDrawing "${prompt}":`);
        const drawing = model.draw([prompt], { ...options, steps: 20, seed: words.seed });
        await printReply(drawing, { json: words.json, line, signal, out: path.join(words.out, 'drawn.png') });
      });
    });
}

/** A sun over a hill: three shapes, so that the demo needs no file. */
function paint(side = 224): RgbImage {
  const data = new Uint8Array(3 * side * side);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const sun = (x - side * 0.7) ** 2 + (y - side * 0.3) ** 2 < (side * 0.14) ** 2;
      const hill = y > side * (0.75 - 0.12 * Math.sin((x / side) * Math.PI));
      data.set(
        sun ? [250, 210, 60] : hill ? [70, 140, 60] : [120, 180, 235 - Math.floor((40 * y) / side)],
        3 * (y * side + x),
      );
    }
  return rgbImage(side, side, data);
}
