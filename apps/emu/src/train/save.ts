import { cp, link, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { byteSize, type CallOptions, sizeOf } from '@emu-ts/base';
import { writeSafetensors } from '@emu-ts/checkpoint';
import { flatten, type ParamTree, type TensorSource } from '@emu-ts/params';
import { saveError } from '@emu-ts/training';
import type { DecoderModel } from './decoder-model.js';
import type { TrainingModel } from './model.js';

export interface SaveModelOptions extends CallOptions {
  readonly model: TrainingModel;
  readonly decoder?: DecoderModel | undefined;
  /** The folder that training started from: parts that were not trained are taken from it, by links where possible. */
  readonly beside?: string | undefined;
}

/**
 * Writes trained weights as a folder in the released layout, which every command loads. It is filled under another name
 * and renamed, so that a folder of this name is whole.
 */
export async function saveModel(
  folder: string,
  weights: TensorSource,
  options: SaveModelOptions,
): Promise<void> {
  const { model, decoder, beside, signal } = options;
  const pending = `${folder}.pending`;
  try {
    await rm(pending, { recursive: true, force: true });
    await mkdir(pending, { recursive: true });
    if (beside)
      await linkOthers(beside, pending, { ...model.config.language, decoder: decoder !== undefined });
    const tuned = model.config.language.lora !== undefined;
    const file = tuned
      ? 'emu-instruct.safetensors'
      : path.join('multimodal_encoder', 'pytorch_model.safetensors');
    await write(path.join(pending, file), model.composed.params as ParamTree, weights, '', signal);
    await writeJson(path.join(pending, 'config.json'), configOf(model));
    await replaceFile(path.join(pending, 'tokenizer.model'), model.tokenizerBytes);
    for (const part of decoder ? (['unet', 'vae'] as const) : []) {
      const { tree } = (decoder as DecoderModel)[part];
      await write(
        path.join(pending, part, 'diffusion_pytorch_model.safetensors'),
        tree,
        weights,
        `${part}.`,
        signal,
      );
      await writeJson(path.join(pending, part, 'config.json'), (decoder as DecoderModel).json[part]);
    }
    if (decoder)
      await writeJson(path.join(pending, 'scheduler', 'scheduler_config.json'), decoder.json.scheduler);
    await rm(folder, { recursive: true, force: true });
    await rename(pending, folder);
  } catch (cause) {
    await rm(pending, { recursive: true, force: true }).catch(() => {});
    signal?.throwIfAborted();
    throw saveError(folder, cause);
  }
}

/** The sections of the model's sizes; `lora` as it was trained. */
function configOf({ json, config }: TrainingModel): unknown {
  const { lora } = config.language;
  return { ...json, ...(lora ? { lora } : {}) };
}

/** Weights of a tree, less the prefix that they have in training. */
async function write(
  file: string,
  tree: ParamTree,
  weights: TensorSource,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const entries = [...flatten(tree)].map(([name, { dtype, shape }]) => {
    const byteLength = sizeOf(shape) * byteSize(dtype);
    return [name.slice(prefix.length), { dtype, shape, byteLength }] as const;
  });
  const source = {
    entries: new Map(entries),
    read: (name: string) => weights.read(`${prefix}${name}`, { signal }),
  };
  await writeSafetensors(file, source, { metadata: { format: 'pt' }, signal });
}

const writeJson = async (file: string, value: unknown): Promise<void> => {
  await mkdir(path.dirname(file), { recursive: true });
  await replaceFile(file, `${JSON.stringify(value, null, 2)}\n`);
};

/** A link to another folder's file is taken away first, never written through. */
async function replaceFile(file: string, data: string | Uint8Array): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, data);
}

/** Everything of the old folder that the new one does not write itself. */
async function linkOthers(
  from: string,
  to: string,
  written: { readonly lora?: unknown; readonly decoder: boolean },
): Promise<void> {
  const own = new Set(written.decoder ? ['unet', 'vae', 'scheduler'] : []);
  const weights = written.lora ? /^emu-instruct\./i : /^multimodal_encoder$/;
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (own.has(entry.name) || weights.test(entry.name)) continue;
    await linkTree(path.join(from, entry.name), path.join(to, entry.name), entry.isDirectory());
  }
}

async function linkTree(from: string, to: string, isFolder: boolean): Promise<void> {
  if (!isFolder) {
    // Across file systems there are no links.
    await link(from, to).catch(() => cp(from, to));
    return;
  }
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true }))
    await linkTree(path.join(from, entry.name), path.join(to, entry.name), entry.isDirectory());
}
