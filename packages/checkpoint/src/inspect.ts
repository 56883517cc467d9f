import { type DType, sizeOf } from '@emu-ts/base';
import type { Checkpoint, CheckpointNote, TensorInfo } from './checkpoint.js';

export interface Tally {
  readonly tensors: number;
  readonly parameters: number;
  readonly bytes: number;
}

export interface CheckpointSummary extends Tally {
  readonly format: string;
  readonly dtypes: Readonly<Partial<Record<DType, Tally>>>;
  /** By the first `depth` parts of the name, in the order of the file. */
  readonly prefixes: Readonly<Record<string, Tally>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly notes: readonly CheckpointNote[];
}

/** What a checkpoint holds, counted; reads no tensor. */
export function inspect(
  checkpoint: Checkpoint,
  { depth = 1 }: { depth?: number | undefined } = {},
): CheckpointSummary {
  const dtypes = new Map<DType, Tally>();
  const prefixes = new Map<string, Tally>();
  let all = none;
  for (const [name, info] of checkpoint.entries) {
    const prefix = name.split('.').slice(0, depth).join('.');
    all = add(all, info);
    dtypes.set(info.dtype, add(dtypes.get(info.dtype) ?? none, info));
    prefixes.set(prefix, add(prefixes.get(prefix) ?? none, info));
  }
  return {
    format: checkpoint.format,
    ...all,
    dtypes: Object.fromEntries(dtypes),
    prefixes: Object.fromEntries(prefixes),
    metadata: Object.fromEntries(checkpoint.metadata),
    notes: checkpoint.notes,
  };
}

const none: Tally = { tensors: 0, parameters: 0, bytes: 0 };

const add = (tally: Tally, { shape, byteLength }: TensorInfo): Tally => ({
  tensors: tally.tensors + 1,
  parameters: tally.parameters + sizeOf(shape),
  bytes: tally.bytes + byteLength,
});
