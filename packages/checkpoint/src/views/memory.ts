import type { HostTensor } from '@emu-ts/base';
import { type Checkpoint, checkpoint, infoOf } from '../checkpoint.js';

export type TensorMap = ReadonlyMap<string, HostTensor> | Readonly<Record<string, HostTensor>>;

const pairs = (tensors: TensorMap): Iterable<[string, HostTensor]> =>
  tensors instanceof Map ? tensors : Object.entries(tensors);

/** Tensors in memory as a checkpoint. They are not copied: `read` gives the very objects. */
export function memoryCheckpoint(
  tensors: TensorMap,
  metadata: Readonly<Record<string, string>> = {},
): Checkpoint {
  const byName = new Map(pairs(tensors));
  return checkpoint({
    format: 'memory',
    entries: new Map([...byName].map(([name, { dtype, shape }]) => [name, infoOf(dtype, shape)])),
    metadata: new Map(Object.entries(metadata)),
    read: async (name) => byName.get(name)!,
  });
}
