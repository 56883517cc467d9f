/**
 * Another library's names for the same tensors, as data. A table is a list of rules; each tensor goes through the
 * tables in order, and in a table through every rule in order, so that small rules compose (`.base_layer` out, then
 * the prefix in).
 */
import { type Checkpoint, type CheckpointNote, checkpoint, type TensorInfo } from '../checkpoint.js';
import { CheckpointError, quote } from '../error.js';

export interface RenameRule {
  /** Which names the rule is about. Use anchors: a pattern that matches anywhere renames anywhere. */
  readonly match: RegExp;
  /** The new name, as `String.replace` takes it (`$1` is the first group). */
  readonly to?: string | undefined;
  /** Leave the tensor out, for this reason. */
  readonly ignore?: string | undefined;
  /** Give a 1×1 convolution weight as a linear weight ([a, b, 1, 1] → [a, b]), or the other way round. */
  readonly as?: 'linear' | 'convolution' | undefined;
}

export interface RenameTable {
  readonly name: string;
  readonly rules: readonly RenameRule[];
}

interface Renamed {
  readonly from: string;
  readonly info: TensorInfo;
}

/**
 * A view of the checkpoint under the names that the tables give. Every change is in `notes`. Two tensors that end at
 * one name are an error (`NAME_CLASH`) that says both. Closing the view closes the checkpoint.
 */
export function renamed(source: Checkpoint, tables: RenameTable | readonly RenameTable[]): Checkpoint {
  const notes: CheckpointNote[] = [...source.notes];
  const targets = new Map<string, Renamed>();
  for (const [from, info] of source.entries) {
    const target = apply([tables].flat(), from, info, notes);
    if (!target) continue;
    const other = targets.get(target.name);
    if (other) {
      throw new CheckpointError(
        'NAME_CLASH',
        `Tensors ${quote(other.from)} and ${quote(from)} both become ${quote(target.name)}.`,
        { hint: 'The file holds the same weight in two conventions: remove one of them.' },
      );
    }
    targets.set(target.name, { from, info: target.info });
  }
  return checkpoint({
    format: source.format,
    entries: new Map([...targets].map(([name, { info }]) => [name, info])),
    metadata: source.metadata,
    notes,
    close: () => source.close(),
    async read(name, signal) {
      const { from, info } = targets.get(name)!;
      const tensor = await source.read(from, { signal });
      return tensor.shape === info.shape ? tensor : { ...tensor, shape: info.shape };
    },
  });
}

function apply(tables: readonly RenameTable[], from: string, info: TensorInfo, notes: CheckpointNote[]) {
  let name = from;
  let shape = info.shape;
  for (const table of tables) {
    for (const { match, to, ignore, as } of table.rules) {
      if (!match.test(name)) continue;
      if (ignore !== undefined) {
        notes.push({ kind: 'ignored', name: from, detail: ignore });
        return undefined;
      }
      if (to !== undefined) name = name.replace(match, to);
      shape = reshape(shape, as);
    }
  }
  if (name !== from) notes.push({ kind: 'renamed', name: from, detail: `is ${quote(name)} here` });
  if (shape !== info.shape) {
    notes.push({ kind: 'reshaped', name: from, detail: `[${info.shape}] is [${shape}] here` });
  }
  return { name, info: shape === info.shape ? info : { ...info, shape } };
}

function reshape(shape: readonly number[], as: RenameRule['as']): readonly number[] {
  if (as === 'linear' && shape.length === 4 && shape[2] === 1 && shape[3] === 1) return shape.slice(0, 2);
  if (as === 'convolution' && shape.length === 2) return [...shape, 1, 1];
  return shape;
}
