import { byteSize, EmuError, type HostTensor, sizeOf } from '@emu-ts/base';
import { type Checkpoint, openCheckpoint, type TensorSource, writeSafetensors } from '@emu-ts/checkpoint';
import type { TensorType } from '@emu-ts/graph';
import type { TensorSource as ParamSource } from '@emu-ts/params';
import type { TrainingState } from '../loop/state.js';
import { names } from '../step/names.js';
import {
  node,
  pendingPrefix,
  removeDirectory,
  saveError,
  writeDirectoryAtomic,
  writeFlushed,
} from './atomic.js';

/**
 * Checkpoints of a run, one directory each below `checkpoints/`: `model.safetensors` (weights by their released names),
 * `averages.safetensors` (their moving averages, where kept), `optimizer.safetensors` (moments) and `state.json`. A
 * directory is there whole or not at all.
 */

/** Plain JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Where a run stands, beside its tensors. */
export interface RunState {
  /** Updates done. */
  readonly update: number;
  /** Where the data goes on. */
  readonly data: Json;
  /** Steps left out because the loss was not finite. */
  readonly skipped: number;
  readonly lossScale?: { readonly scale: number; readonly good: number } | undefined;
  readonly seed: number;
}

export interface SavedRun {
  readonly dir: string;
  readonly state: RunState;
}

const version = 1;
const digits = 8;
const nameOf = (update: number): string => `step-${String(update).padStart(digits, '0')}`;
const folder = 'checkpoints';
const files = {
  model: 'model.safetensors',
  averages: 'averages.safetensors',
  moments: 'optimizer.safetensors',
  state: 'state.json',
} as const;

export interface SaveOptions {
  /** Newest checkpoints to keep; older ones are removed once the new one is in place. Default 2. */
  readonly keep?: number | undefined;
  /** Write weights that are not trained too. Default true. */
  readonly frozen?: boolean | undefined;
}

/** Saves a run; rejects with `SAVE`, having changed nothing, when the disk does not take it. */
export async function saveRun(
  root: string,
  tensors: TrainingState,
  state: RunState,
  { keep = 2, frozen = true }: SaveOptions = {},
): Promise<string> {
  const { fs, path } = await node();
  const dir = path.join(root, folder, nameOf(state.update));
  const there = await fs.stat(dir).catch(() => undefined);
  if (there) return dir;
  await fs.mkdir(path.dirname(dir), { recursive: true }).catch((cause) => {
    throw saveError(dir, cause);
  });
  const { parameters, trained } = tensors.step;
  const saved = frozen ? [...parameters.keys()] : [...trained.keys()];
  const moments = tensors.moments();
  const averages = tensors.averaged();
  await writeDirectoryAtomic(dir, async (pending) => {
    const write = (file: string, source: TensorSource) =>
      writeSafetensors(path.join(pending, file), source, { metadata: { format: 'pt' } });
    await write(
      files.model,
      lazily(saved, parameters, (name) => tensors.weight(name)),
    );
    if (averages.length) {
      await write(
        files.averages,
        lazily(averages, parameters, (name) => tensors.average(name)),
      );
    }
    await write(
      files.moments,
      lazily(moments, new Map(moments.map((name) => [name, tensors.typeOf(name)])), (name) =>
        tensors.read(name),
      ),
    );
    await writeFlushed(
      path.join(pending, files.state),
      `${JSON.stringify({ version, ...state }, null, 1)}\n`,
    );
  });
  await prune(path.join(root, folder), keep);
  return dir;
}

/** Tensors that are read one by one as they are written. */
const lazily = (
  wanted: readonly string[],
  types: ReadonlyMap<string, TensorType>,
  read: (name: string) => Promise<HostTensor>,
): TensorSource => ({
  entries: new Map(
    wanted.map((name) => {
      const { dtype, shape } = types.get(name) as TensorType;
      return [name, { dtype, shape, byteLength: sizeOf(shape) * byteSize(dtype) }];
    }),
  ),
  read,
});

async function prune(dir: string, keep: number): Promise<void> {
  const { path } = await node();
  const found = await list(dir);
  for (const old of found.slice(0, Math.max(0, found.length - Math.max(1, keep)))) {
    await removeDirectory(path.join(dir, old));
  }
}

/** Names of checkpoints, oldest first. */
async function list(dir: string): Promise<string[]> {
  const { fs } = await node();
  const found = await fs.readdir(dir).catch(() => [] as string[]);
  return found.filter((name) => /^step-\d+$/.test(name)).sort();
}

/** The newest checkpoint of a run, or undefined where there is none. Removes what a killed process left unfinished. */
export async function latestRun(root: string): Promise<SavedRun | undefined> {
  const { fs, path } = await node();
  const dir = path.join(root, folder);
  for (const name of await fs.readdir(dir).catch(() => [] as string[])) {
    if (name.startsWith(pendingPrefix)) await fs.rm(path.join(dir, name), { recursive: true, force: true });
  }
  const newest = (await list(dir)).pop();
  return newest === undefined ? undefined : readRun(path.join(dir, newest));
}

/** Reads where a saved run stands. Rejects with `RESUME` when the directory is not a checkpoint of this version. */
export async function readRun(dir: string): Promise<SavedRun> {
  const { fs, path } = await node();
  const file = path.join(dir, files.state);
  const parsed = await fs
    .readFile(file, 'utf8')
    .then((text) => JSON.parse(text) as RunState & { version: number })
    .catch((cause) => {
      throw new EmuError('RESUME', `${file} cannot be read.`, { cause });
    });
  if (parsed.version !== version || !Number.isInteger(parsed.update)) {
    throw new EmuError('RESUME', `${file} is of version ${parsed.version}, this program reads ${version}.`);
  }
  const { version: _, ...state } = parsed;
  return { dir, state };
}

/** A source that holds files open. */
export type OpenSource = ParamSource & { close(): Promise<void> };

/** Tensors of a saved run by graph name, optimiser state included, and whatever it left out from `rest`. */
export const openRun = (dir: string, rest?: ParamSource | undefined): Promise<OpenSource> =>
  openFiles(dir, rest, { [files.model]: asIs, [files.averages]: names.ema, [files.moments]: asIs });

/**
 * The weights of a saved run by checkpoint name, and whatever it left out from `rest`.
 * @param options.averages their moving averages, where the run kept them
 */
export const openWeights = (
  dir: string,
  rest?: ParamSource | undefined,
  { averages = false }: { readonly averages?: boolean | undefined } = {},
): Promise<OpenSource> =>
  openFiles(dir, rest, { [files.model]: asIs, ...(averages ? { [files.averages]: asIs } : {}) });

const asIs = (name: string): string => name;

/** Files of a checkpoint as one source, later files over earlier ones. A file that is not there offers nothing. */
async function openFiles(
  dir: string,
  rest: ParamSource | undefined,
  wanted: Readonly<Record<string, (name: string) => string>>,
): Promise<OpenSource> {
  const { fs, path } = await node();
  const entries = new Map<string, TensorType>(rest?.entries);
  const readers = new Map<string, () => Promise<HostTensor>>();
  const opened: Checkpoint[] = [];
  for (const [file, rename] of Object.entries(wanted)) {
    const place = path.join(dir, file);
    if (!(await fs.stat(place).catch(() => undefined))) continue;
    const checkpoint = await openCheckpoint(place);
    opened.push(checkpoint);
    for (const [name, info] of checkpoint.entries) {
      entries.set(rename(name), info);
      readers.set(rename(name), () => checkpoint.read(name));
    }
  }
  return {
    entries,
    async read(name, options) {
      const reader = readers.get(name);
      if (reader) return reader();
      if (rest) return rest.read(name, options);
      throw new EmuError('NO_SUCH_TENSOR', `${dir} has no tensor '${name}'.`);
    },
    async close() {
      for (const checkpoint of opened) await checkpoint.close();
    },
  };
}
