import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { RgbImage } from '@emu-ts/contracts';
import {
  ComponentsModel,
  evaluateShapes,
  formatReport,
  plainReport,
  type ShapesReport,
} from '@emu-ts/evaluation';
import { encodePng } from '@emu-ts/media';
import { type Command, Option } from 'commander';
import { candidatesHelp, integer, type ModelOptions, number, useModel, withModel } from '../options.js';
import { print } from '../print.js';

interface EvalWords extends ModelOptions {
  readonly n: number;
  readonly tasks?: string[];
  readonly form?: 'document' | 'dialogue';
  readonly batch: number;
  readonly maxNewTokens: number;
  readonly steps?: number;
  readonly guidance?: number;
  readonly candidates?: number;
  readonly scheduler?: string;
  readonly failures: number;
  readonly out?: string;
}

/** `emu eval shapes`: a model's figures on the shapes world, judged by programs. */
export function evalCommand(emu: Command, signal: AbortSignal): void {
  const group = emu.command('eval').description('score a model');
  withModel(group.command('shapes').exitOverride())
    .description('captions, questions, examples, videos, dialogues and drawings of held-out combinations')
    .argument('[model]', 'folder in the released layout; --checkpoint says the same')
    .option('--n <n>', 'samples per ability', integer(1), 100)
    .option('--tasks <names...>', 'some abilities only, such as caption question text-to-image')
    .addOption(
      new Option('--form <name>', 'how the model is asked; by default dialogue with --instruct').choices([
        'document',
        'dialogue',
      ]),
    )
    .option('--batch <n>', 'prompts answered together', integer(1), 16)
    .option('--max-new-tokens <n>', 'longest reply', integer(1), 64)
    .option('--steps <n>', "denoising steps of a picture (default: the model's own, or 50)", integer(1))
    .option('--guidance <x>', "how strongly pictures follow (default: the model's own, or 7.5)", number)
    .option('--candidates <n>', candidatesHelp, integer(1))
    .option('--scheduler <name>', 'pndm, ddim, euler, euler_karras, dpmpp2m or dpmpp2m_karras')
    .option('--failures <n>', 'wrong replies shown of each ability', integer(0), 5)
    .option('-o, --out <folder>', 'where the pictures of wrong replies go')
    .action(async (model: string | undefined, words: EvalWords) => {
      const loaded = { ...words, checkpoint: model ?? words.checkpoint, safety: false } as EvalWords;
      await useModel(loaded, signal, async ({ components }, line) => {
        const { seed, n, tasks, batch, maxNewTokens, failures, steps, guidance, candidates, scheduler } =
          words;
        const form = words.form ?? (words.instruct ? 'dialogue' : 'document');
        const drawing = { steps, guidanceScale: guidance, candidates, scheduler };
        const scored = new ComponentsModel(components, { form, ...drawing });
        const report = await evaluateShapes(scored, {
          seed,
          n,
          tasks,
          batch,
          maxNewTokens,
          failures,
          signal,
          onProgress: line.update,
        });
        line.clear();
        if (words.out) await savePictures(words.out, report, signal);
        if (words.json) print(plainReport(report));
        else show(report);
      });
    });
}

function show(report: ShapesReport): void {
  process.stdout.write(`${formatReport(report)}\n`);
  for (const { ability, failures } of report.abilities) {
    for (const { index, prompt, wanted, reply, reason } of failures)
      process.stdout.write(
        `\n${ability} ${index}: ${reason}\n  ${prompt}\n  wanted ${wanted}\n  got    ${reply}\n`,
      );
  }
}

/** `caption-17-prompt-0.png` and so on, numbered as in the report. */
async function savePictures(folder: string, report: ShapesReport, signal: AbortSignal): Promise<void> {
  await mkdir(folder, { recursive: true });
  const save = async (stem: string, images: readonly RgbImage[]) => {
    for (const [i, image] of images.entries())
      await writeFile(path.join(folder, `${stem}-${i}.png`), await encodePng(image, { signal }), { signal });
  };
  for (const { ability, failures } of report.abilities) {
    for (const { group, index, pictures } of failures) {
      const stem = [ability, group, index]
        .filter((part) => part !== undefined)
        .join('-')
        .replaceAll(' ', '-');
      await save(`${stem}-prompt`, pictures.prompt);
      await save(`${stem}-reply`, pictures.reply);
    }
  }
}
