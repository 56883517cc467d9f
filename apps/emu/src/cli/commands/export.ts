import { Argument, type Command } from 'commander';
import { type Exportable, exportable, exportComponent } from '../../export.js';
import { checkpointOf, type ModelOptions, withModel } from '../options.js';
import { print } from '../print.js';
import { progressLine } from '../progress.js';

/** Writes components as ONNX files. */
export function exportCommand(emu: Command, signal: AbortSignal): void {
  withModel(emu.command('export-onnx'))
    .description('write one component as an ONNX file with named, dynamic axes')
    .addArgument(new Argument('<component>').choices(exportable))
    .argument('<file>')
    .action(async (component: Exportable, file: string, words: ModelOptions) => {
      const line = progressLine(process.stderr, words.progress && process.stderr.isTTY);
      const variant = words.instruct ? 'instruct' : 'base';
      const { files, bytes } = await exportComponent(checkpointOf(words), component, file, {
        variant,
        signal,
        onProgress: line.update,
      });
      line.clear();
      if (words.json) print({ files, bytes });
      else for (const written of files) process.stdout.write(`${written}\n`);
    });
}
