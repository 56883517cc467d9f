import type { CallOptions } from '@emu-ts/base';
import {
  type Checkpoint,
  emuInstruct,
  emuPretrain,
  mergeCheckpoints,
  openCheckpoint,
  renamed,
  unusedTensors,
} from '@emu-ts/checkpoint';
import type { WeightDType } from '@emu-ts/language-model';
import { type EmuConfig, readConfig } from './config.js';
import { type CheckpointFiles, type CheckpointLocation, filesOf } from './files.js';
import { findLayout, type Layout, type LayoutPart, needPart } from './layout.js';

export interface SourceOptions extends CallOptions {
  /** The pretrained model (default), or the instruction-tuned one. */
  readonly variant?: 'base' | 'instruct' | undefined;
  /** How the language model's projections are stored. Default f32. */
  readonly dtype?: WeightDType | undefined;
}

/** An open multimodal encoder: its sizes and its weights under their released names. Close it when done. */
export interface EmuSource extends AsyncDisposable {
  readonly files: CheckpointFiles;
  readonly layout: Layout;
  readonly config: EmuConfig;
  readonly weights: Checkpoint;
}

/** Finds the parts of a checkpoint, opens the multimodal encoder and reads its configuration. */
export async function openSource(
  location: CheckpointLocation,
  options: SourceOptions = {},
): Promise<EmuSource> {
  const { signal, variant = 'base', dtype } = options;
  const instruct = variant === 'instruct';
  const files = filesOf(location);
  const layout = await findLayout(files, { signal });
  const opened = instruct
    ? await openInstruct(files, layout, { signal })
    : renamed(await openPart(files, layout, 'pretrained', { signal }), emuPretrain);
  try {
    const weights = renamed(opened, unusedTensors);
    const json = layout.config ? await readJson(files, layout.config, { signal }) : undefined;
    const config = readConfig(json, { entries: weights.entries, instruct, weights: dtype });
    return { files, layout, config, weights, [Symbol.asyncDispose]: () => opened.close() };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** The instruction-tuned model: a file of its own, or the pretrained one under an adapter, whose tensors come first. */
async function openInstruct(
  files: CheckpointFiles,
  layout: Layout,
  options: CallOptions,
): Promise<Checkpoint> {
  if (layout.instruct || !layout.adapter)
    return renamed(await openPart(files, layout, 'instruct', options), emuInstruct);
  const adapter = renamed(await openPart(files, layout, 'adapter', options), emuInstruct);
  try {
    const base = renamed(await openPart(files, layout, 'pretrained', options), emuInstruct);
    const replaced = [...adapter.entries.keys()].filter((name) => base.entries.has(name));
    const rules = replaced.map((name) => ({
      match: new RegExp(`^${name.replaceAll('.', '\\.')}$`),
      ignore: 'the adapter has its own',
    }));
    return mergeCheckpoints([adapter, renamed(base, { name: 'adapter', rules })]);
  } catch (error) {
    await adapter.close();
    throw error;
  }
}

/** Opens the weights of one part of the layout. */
export async function openPart(
  files: CheckpointFiles,
  layout: Layout,
  part: LayoutPart,
  { signal }: CallOptions,
): Promise<Checkpoint> {
  const source = await files.find(needPart(files, layout, part), { signal });
  return openCheckpoint(source as string | URL | Blob, { signal });
}

export async function readJson(
  files: CheckpointFiles,
  path: string,
  { signal }: CallOptions,
): Promise<Record<string, unknown>> {
  return JSON.parse(new TextDecoder().decode(await files.bytes(path, { signal })));
}
