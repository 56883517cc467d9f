import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HostTensor } from '@emu-ts/base';
import {
  type Checkpoint,
  diffusersVae,
  emuInstruct,
  emuPretrain,
  openCheckpoint,
  type RenameTable,
  renamed,
  unusedTensors,
} from '@emu-ts/checkpoint';

const fixtures = fileURLToPath(new URL('../../../fixtures/', import.meta.url));

/** A file of the repository's fixtures. */
export const fixture = (...parts: string[]): string => path.join(fixtures, ...parts);

/** The configuration of a goldens folder. Tests take every size from here. */
export interface GoldenConfig {
  readonly emu: Json;
  readonly llama: Json;
  readonly t5: Json;
  readonly unet: Json;
  readonly vae: Json;
  readonly lora: { readonly r: number; readonly alpha: number };
  readonly safety: Json;
  readonly adamw: {
    readonly lr: number;
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly weight_decay: number;
    readonly clip_norm: number;
  };
}

export type Json = Readonly<Record<string, unknown>>;

export interface GoldenTensors {
  readonly names: readonly string[];
  has(name: string): boolean;
  read(name: string): Promise<HostTensor>;
}

/** Where the weights of a part lie, and what renames them. A folder holds one file of any format. */
const parts = {
  pretrained: ['checkpoint/multimodal_encoder', [unusedTensors, emuPretrain]],
  instruct: ['emu-instruct.pt', [unusedTensors, emuInstruct]],
  unet: ['checkpoint/unet', []],
  vae: ['checkpoint/vae', [diffusersVae]],
  safety: ['checkpoint/safety_checker', []],
} as const satisfies Record<string, readonly [place: string, tables: readonly RenameTable[]]>;

export type GoldenWeights = keyof typeof parts;

export interface Goldens {
  readonly dir: string;
  readonly config: GoldenConfig;
  readonly activations: GoldenTensors;
  readonly grads: GoldenTensors;
  readonly instruct: GoldenTensors;
  /** The weights of a part by their released names, whatever wrote the file. The caller closes them. */
  weights(part: GoldenWeights): Promise<Checkpoint>;
  /** Path of a file inside the folder. */
  path(...parts: string[]): string;
  json<T>(name: string): Promise<T>;
}

/** The reference's numbers, from the folder named by EMU_GOLDENS (default: the repository's fixtures). */
export async function goldens(): Promise<Goldens> {
  const dir = path.resolve(process.env.EMU_GOLDENS || fixture('goldens'));
  if (!existsSync(path.join(dir, 'config.json')))
    throw new Error(`EMU_GOLDENS: there is no config.json in ${dir}.`);
  const at = (...parts: string[]) => path.join(dir, ...parts);
  const json = async <T>(name: string): Promise<T> => JSON.parse(await readFile(at(name), 'utf8'));
  const [activations, grads, instruct] = await Promise.all(
    ['activations', 'grads', 'instruct_activations'].map((name) => tensors(at(`${name}.safetensors`))),
  );
  const weights = async (part: GoldenWeights) => {
    const [place, tables] = parts[part];
    return renamed(await openCheckpoint(at(place)), tables);
  };
  return { dir, config: await json('config.json'), activations, grads, instruct, weights, path: at, json };
}

async function tensors(file: string): Promise<GoldenTensors> {
  // From memory: tests read golden tensors until they end, and an open file would be left behind.
  const checkpoint: Checkpoint = await openCheckpoint(await readFile(file));
  const names = [...checkpoint.entries.keys()];
  return { names, has: (name) => checkpoint.entries.has(name), read: (name) => checkpoint.read(name) };
}
