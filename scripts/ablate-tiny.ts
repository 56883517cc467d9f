import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { causalTransformer } from '@emu-ts/causal-transformer';
import { ComponentsModel, evaluateShapes } from '@emu-ts/evaluation';
import { languageModel } from '@emu-ts/language-model';
import { onnx } from '@emu-ts/onnx';
import { regressionHead } from '@emu-ts/regression-head';
import {
  type Ablation,
  ablations,
  formatOf,
  smallEmu,
  tokenizerOf,
  trainTiny,
  weightsOf,
} from '@emu-ts/tiny/train';
import { terminalProgress } from '@emu-ts/training';
import { visualEncoder } from '@emu-ts/visual-encoder';

/**
 * What parts of the recipe are for: language models trained from nothing with everything and with one thing left out, all
 * for the same few updates, and a table of what each then answers rightly. The eyes are those of a finished training
 * (`--eyes`); average pooling, which only has to learn a projection, learns it for `--see` updates on the same encoder.
 * Takes a broken-off run up where it was.
 */
const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: 'runs/ablations' },
    eyes: { type: 'string', default: 'runs/tiny' },
    see: { type: 'string', default: '1000' },
    threads: { type: 'string', default: '2' },
    read: { type: 'string', default: '1000' },
    n: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true },
    split: { type: 'string', default: 'test' },
  },
});
const seed = Number(values.seed);
const tokenizerModel = new Uint8Array(await readFile(path.join(values.eyes, 'tokenizer.model')));
const tokenizer = tokenizerOf(tokenizerModel, 'base');
const split = values.split === 'train' ? 'train' : 'test';
const tasks = ['caption', 'question', 'few-shot', 'video', 'dialogue'];
const show = terminalProgress(process.stderr);
const all: readonly ('nothing' | Ablation)[] = ['nothing', ...ablations];
await using executor = await onnx({
  worker: true,
  sessionOptions: { intraOpNumThreads: Number(values.threads) },
});

console.log(`| without | ${tasks.join(' | ')} |`);
for (const left of all.filter((name) => values.only?.includes(name) ?? true)) {
  const without = left === 'nothing' ? undefined : left;
  const { eyes } = values;
  const workshop = { dir: `${values.dir}/${left}`, executor, tokenizerModel, seed, without, eyes };
  const onUpdate = (_: unknown, pace: Parameters<typeof show>[0]) => show(pace);
  if (without === 'causal-transformer')
    await trainTiny({ ...workshop, only: ['see'], updates: Number(values.see), onUpdate });
  await trainTiny({ ...workshop, only: ['read'], updates: Number(values.read), onUpdate });
  await using source = await weightsOf(workshop, 'read');
  const parts = smallEmu(tokenizer.size, 'base', without);
  const call = { executor, source };
  await using encoder = await visualEncoder({ ...call, model: parts.visualEncoder });
  await using connector = await causalTransformer({ ...call, model: parts.causalTransformer });
  await using words = await languageModel({ ...call, model: parts.languageModel });
  await using head = await regressionHead({ ...call, model: parts.regressionHead });
  const model = new ComponentsModel(
    {
      tokenizer,
      format: formatOf(tokenizer),
      visualEncoder: encoder,
      causalTransformer: connector,
      languageModel: words,
      regressionHead: head,
    },
    { form: 'document' },
  );
  const report = await evaluateShapes(model, {
    seed: 4242,
    n: Number(values.n),
    tasks,
    world: { split },
    batch: 24,
    maxNewTokens: 80,
  });
  const figures = report.abilities.map(({ accuracy }) => `${(100 * accuracy).toFixed(0)} %`);
  console.log(`| ${left} | ${figures.join(' | ')} |`);
}
