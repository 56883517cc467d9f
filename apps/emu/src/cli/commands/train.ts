import path from 'node:path';
import { placeText } from '@emu-ts/data';
import { duration, type Pace, type StageRecipe, terminalProgress } from '@emu-ts/training';
import type { Command } from 'commander';
import { Belongings } from '../../components.js';
import { devices, parsePlacement } from '../../load/devices.js';
import { finetuneRecipe } from '../../train/finetune.js';
import { type CliRecipe, readJsonFile, readRecipe } from '../../train/recipe.js';
import { openReplicas } from '../../train/replicas.js';
import { costRecipe, type StageCost, trainRecipe } from '../../train/run.js';
import { integer, number } from '../options.js';
import { print } from '../print.js';

interface RunWords {
  readonly out?: string;
  readonly resume?: boolean;
  readonly dryRun?: boolean;
  readonly workers: number;
  readonly device: string;
  readonly json?: boolean;
  readonly progress: boolean;
}

interface FinetuneWords extends RunWords {
  readonly updates: number;
  readonly batch: number;
  readonly accumulate: number;
  readonly rate: number;
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly seed: number;
}

const withRun = (command: Command): Command =>
  command
    .option('-o, --out <folder>', 'where checkpoints, curves and the model go; by default runs/NAME')
    .option('--resume', 'go on with the run that is in the folder')
    .option('--dry-run', 'say what memory and time it would take, and train nothing')
    .option('--workers <n>', 'copies of ONNX Runtime that share the batches of an update', integer(1), 1)
    .option('--device <name>', 'auto, webgpu, onnx, gpujs or reference', 'auto')
    .option('--json', 'print one JSON object a line')
    .option('--no-progress', 'no progress lines');

/** Commands that train. */
export function trainCommands(emu: Command, signal: AbortSignal): void {
  withRun(emu.command('train'))
    .description('train a model as a recipe says, and write it in the released layout')
    .argument('<recipe>', 'a JSON file; its paths start from its folder')
    .action(async (file: string, words: RunWords) => {
      const recipe = readRecipe(await readJsonFile(file, signal));
      await run(recipe, path.dirname(file), words, signal);
    });

  withRun(emu.command('finetune'))
    .description('tune low-rank updates of a model on dialogues, or as a recipe says')
    .argument('<model>', 'folder in the released layout')
    .argument('<data>', 'instruction data (.json or .jsonl), or a recipe')
    .option('--updates <n>', 'optimiser updates', integer(1), 1000)
    .option('--batch <n>', 'dialogues of one batch', integer(1), 8)
    .option('--accumulate <n>', 'batches of one update', integer(1), 1)
    .option('--rate <x>', 'peak learning rate', number, 1e-4)
    .option('--rank <n>', 'rank of the updates', integer(1), 16)
    .option('--alpha <x>', 'the updates count alpha / rank times', number, 16)
    .option('--dropout <x>', 'share of their inputs left out', number, 0.05)
    .option('--seed <n>', 'equal seeds give equal runs', integer(0), 0)
    .action(async (model: string, file: string, words: FinetuneWords) => {
      const { recipe, folder } = await finetuneRecipe(model, file, words, signal);
      await run(recipe, folder, words, signal);
    });
}

/** A line of its own, whatever the progress line shows. */
const note = (text: string): void => {
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[2K' : ''}${text}\n`);
};

async function run(recipe: CliRecipe, folder: string, words: RunWords, signal: AbortSignal): Promise<void> {
  await using belongings = new Belongings();
  const executor = await devices(parsePlacement(words.device), belongings)('language-model');
  let bad = 0;
  const options = {
    executor,
    folder,
    signal,
    onBadRow: ({ place, reason }: { place: Parameters<typeof placeText>[0]; reason: string }) => {
      if (++bad <= shownBadRows) note(`Left out ${placeText(place)}: ${reason}`);
    },
  };
  if (words.dryRun) {
    showCosts(await costRecipe(recipe, options), words.json);
    return;
  }
  const out = words.out ?? path.join('runs', recipe.name.replace(/[^\w.-]+/g, '-'));
  const show = words.progress && !words.json ? progress() : undefined;
  const replicas =
    words.workers > 1 ? await openReplicas(words.workers, recipe, executor, belongings) : undefined;
  let reached: string | undefined;
  const result = await trainRecipe(recipe, {
    ...options,
    out,
    replicas,
    resume: words.resume,
    onUpdate(stage, pace) {
      reached = `update ${pace.update} of '${stage.name}'`;
      show?.(stage, pace);
    },
  }).catch((error) => {
    if (signal.aborted && reached) note(`Saved in ${out} after ${reached}; --resume goes on from there.`);
    throw error;
  });
  if (words.json) print(result);
  else {
    if (result.badRows > 0) note(`${result.badRows} rows were left out.`);
    process.stdout.write(`${result.model}\n`);
  }
}

/** Rows that are told of one by one; the others are counted. */
const shownBadRows = 10;

function progress(): (stage: StageRecipe, pace: Pace) => void {
  const line = terminalProgress(process.stderr);
  let current: string | undefined;
  return ({ name }, pace) => {
    if (name !== current) process.stderr.write(`${name}\n`);
    current = name;
    line(pace);
  };
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

function showCosts(costs: readonly StageCost[], json = false): void {
  if (json) {
    print({ stages: costs });
    return;
  }
  for (const cost of costs) {
    const memory = cost.weightBytes + cost.optimizerBytes + cost.activationBytes;
    const parts = [
      `${cost.trained} of ${cost.parameters} weights`,
      `${mebibytes(memory)} (${mebibytes(cost.weightBytes)} weights, ${mebibytes(cost.optimizerBytes)} optimiser, ${mebibytes(cost.activationBytes)} activations)`,
      `${cost.secondsPerUpdate.toPrecision(2)} s an update`,
      `${duration(cost.updates * cost.secondsPerUpdate)} for ${cost.updates}`,
    ];
    process.stdout.write(`${cost.stage}: ${parts.join(', ')}\n`);
  }
  const total = costs.reduce((sum, { updates, secondsPerUpdate }) => sum + updates * secondsPerUpdate, 0);
  process.stdout.write(`together ${duration(total)}\n`);
}
