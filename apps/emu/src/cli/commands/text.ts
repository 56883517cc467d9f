import { type Command, Option } from 'commander';
import type { CompleteOptions } from '../../emu.js';
import { parseItems } from '../items.js';
import { type ModelOptions, useModel, withDrawing, withModel, withSampling } from '../options.js';
import { print, printReply } from '../print.js';

/** What `withSampling` gives. */
export interface SamplingWords {
  readonly beams: number;
  readonly maxNewTokens: number;
  readonly minNewTokens?: number;
  readonly lengthPenalty: number;
  readonly repetitionPenalty: number;
  readonly noRepeatNgram: number;
  readonly sample?: boolean;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly seed: number;
}

export const samplingOf = (words: SamplingWords): CompleteOptions => ({
  maxNewTokens: words.maxNewTokens,
  minNewTokens: words.minNewTokens,
  lengthPenalty: words.lengthPenalty,
  repetitionPenalty: words.repetitionPenalty,
  noRepeatNgram: words.noRepeatNgram,
  ...(words.sample
    ? {
        sampling: {
          temperature: words.temperature,
          topK: words.topK || undefined,
          topP: words.topP,
          seed: words.seed,
        },
      }
    : { beams: words.beams }),
});

type Words = ModelOptions & SamplingWords;

/** Commands that answer in words. */
export function textCommands(emu: Command, signal: AbortSignal): void {
  withDrawing(withSampling(withModel(emu.command('complete'))))
    .description('continue a sequence of texts and files, in order')
    .argument('<items...>', 'texts, pictures, videos; text:… and video:… say which')
    .addOption(
      new Option('--output <kind>', 'what to make').choices(['text', 'image', 'auto']).default('text'),
    )
    .action(
      async (
        items: string[],
        words: Words & {
          output: 'text' | 'image' | 'auto';
          out: string;
          steps?: number;
          guidance?: number;
          size?: { width: number; height: number };
        },
      ) => {
        const parsed = parseItems(items);
        await useModel(words, signal, async (model, line) => {
          const { output, steps, guidance, size, seed } = words;
          const draw = { steps, guidanceScale: guidance, ...size, seed };
          const reply = model.complete(parsed, {
            ...samplingOf(words),
            output,
            draw,
            signal,
            onProgress: line.update,
          });
          await printReply(reply, { json: words.json, line, signal, out: words.out });
        });
      },
    );

  withSampling(withModel(emu.command('caption')))
    .description('describe a picture')
    .argument('<picture>')
    .action(async (picture: string, words: Words) => {
      const [item] = parseItems([picture]);
      await useModel(words, signal, async (model, line) => {
        const reply = model.caption(item, { ...samplingOf(words), signal, onProgress: line.update });
        await printReply(reply, { json: words.json, line, signal });
      });
    });

  for (const [name, description, what] of [
    ['ask', 'answer a question about a picture', '<picture>'],
    ['video', 'answer a question about a video', '<video>'],
  ] as const) {
    withSampling(withModel(emu.command(name)))
      .description(description)
      .argument(what)
      .argument('<question>')
      .action(async (file: string, question: string, words: Words) => {
        const [item] = parseItems([name === 'video' && !file.startsWith('video:') ? `video:${file}` : file]);
        await useModel(words, signal, async (model, line) => {
          const reply = model.ask([item], question, {
            ...samplingOf(words),
            signal,
            onProgress: line.update,
          });
          await printReply(reply, { json: words.json, line, signal });
        });
      });
  }

  withModel(emu.command('rank'))
    .description('order answers by how likely they are after a sequence')
    .argument('<items...>', 'texts and files, in order')
    .requiredOption('-a, --answers <answers...>', 'the answers to order')
    .action(async (items: string[], words: ModelOptions & { answers: string[] }) => {
      const parsed = parseItems(items);
      await useModel(words, signal, async (model, line) => {
        const ranked = await model.rank(parsed, words.answers, { signal, onProgress: line.update });
        line.clear();
        if (words.json) print({ answers: ranked });
        else for (const { answer, cost } of ranked) process.stdout.write(`${cost.toFixed(4)}  ${answer}\n`);
      });
    });
}
