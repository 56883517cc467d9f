import { EmuError } from '@emu-ts/base';
import type { WeightDType } from '@emu-ts/language-model';
import { weightsFolder } from '@emu-ts/tiny';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Emu } from '../emu.js';
import { parsePlacement } from '../load/devices.js';
import { precisionOf } from '../load/precision.js';
import { type ProgressLine, progressLine } from './progress.js';

/** What every command that loads a model takes. */
export interface ModelOptions {
  readonly checkpoint?: string;
  readonly device: string;
  readonly dtype: string;
  readonly precision: string;
  readonly instruct?: boolean;
  readonly seed: number;
  readonly json?: boolean;
  readonly progress: boolean;
  readonly safety?: boolean;
}

export const integer = (least: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new InvalidArgumentError(`a whole number from ${least} on is wanted.`);
  return value;
};

export const number = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('a number is wanted.');
  return value;
};

export const deviceHelp =
  'auto, webgpu, onnx, gpujs or reference; COMPONENT=DEVICE for one component; separated by commas';

export const precisionHelp =
  'of products on WebGPU: exact, or fast with rounded operands where the GPU has units for them';

export const withModel = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '-c, --checkpoint <folder>',
        'folder in the released layout; the small model of @emu-ts/tiny by default',
      ).env('EMU_CHECKPOINT'),
    )
    .option('--device <where>', deviceHelp, 'auto')
    .option('--dtype <name>', 'weights of the language model: f32, int8 or int4', 'f32')
    .option('--precision <name>', precisionHelp, 'exact')
    .option('--instruct', 'use the instruction-tuned model')
    .option('--seed <n>', 'equal seeds give equal answers and pictures', integer(0), 0)
    .option('--json', 'print one JSON object a line')
    .option('--no-progress', 'no progress line on the terminal');

export const withSampling = (command: Command): Command =>
  command
    .option('--beams <n>', 'beams of the search', integer(1), 5)
    .option('--max-new-tokens <n>', 'longest answer', integer(1), 128)
    .option('--min-new-tokens <n>', 'shortest answer', integer(0))
    .option('--length-penalty <x>', 'below 0 favours short answers, above 0 long ones', number, 0)
    .option('--repetition-penalty <x>', 'above 1 avoids what was said', number, 1)
    .option('--no-repeat-ngram <n>', 'no sequence of n tokens twice', integer(0), 0)
    .option('--sample', 'draw tokens at random, one beam')
    .option('--temperature <x>', 'with --sample', number, 1)
    .option('--top-k <n>', 'with --sample', integer(0), 0)
    .option('--top-p <x>', 'with --sample', number, 1);

export const candidatesHelp =
  "pictures drawn for each that is kept, the one the model sees most of the input in (default: the model's own, or 1)";

export const withDrawing = (command: Command): Command =>
  command
    .option('--steps <n>', "denoising steps (default: the model's own, or 50)", integer(1))
    .option('--guidance <x>', "how strongly to follow the input (default: the model's own, or 7.5)", number)
    .option('--candidates <n>', candidatesHelp, integer(1))
    .option('--size <WxH>', 'width and height in pixels', size)
    .option('--scheduler <name>', 'pndm, ddim, euler, euler_karras, dpmpp2m or dpmpp2m_karras')
    .option('--no-safety', 'do not run the safety checker')
    .option('-o, --out <file>', 'where the picture goes', 'emu.png');

function size(text: string): { width: number; height: number } {
  const match = /^(\d+)x(\d+)$/.exec(text);
  if (!match) throw new InvalidArgumentError('WIDTHxHEIGHT is wanted, such as 512x512.');
  return { width: Number(match[1]), height: Number(match[2]) };
}

/** The folder that was asked for; without one, the small model that emu-ts trained itself. */
export const checkpointOf = ({ checkpoint }: ModelOptions): string | URL => checkpoint ?? weightsFolder;

/** Loads the model, runs `action`, and frees everything whatever happens. */
export async function useModel(
  options: ModelOptions,
  signal: AbortSignal,
  action: (emu: Emu, line: ProgressLine) => Promise<void>,
): Promise<void> {
  const line = progressLine(process.stderr, options.progress && !options.json && process.stderr.isTTY);
  await using emu = await Emu.fromPretrained(checkpointOf(options), {
    device: parsePlacement(options.device),
    dtype: parseDtype(options.dtype),
    precision: precisionOf(options.precision),
    variant: options.instruct ? 'instruct' : 'base',
    safetyChecker: options.safety !== false,
    signal,
    onProgress: line.update,
  });
  line.clear();
  try {
    await action(emu, line);
  } finally {
    line.clear();
  }
}

const dtypes = new Set(['f32', 'f16', 'int8', 'int4']);

function parseDtype(text: string): WeightDType {
  if (dtypes.has(text)) return text as WeightDType;
  throw new EmuError('OPTION', `--dtype got '${text}', wanted one of ${[...dtypes].join(', ')}.`);
}
