import type { HostTensor } from '@emu-ts/base';
import { memoryCheckpoint, writeSafetensors } from '@emu-ts/checkpoint';
import { node, writeDirectoryAtomic, writeFlushed } from './atomic.js';
import type { Json } from './checkpoints.js';

export interface Failure {
  /** The update that failed, counted from 1. */
  readonly update: number;
  /** Where the data stood before the batch and after it. */
  readonly before: Json;
  readonly after: Json;
  readonly figures: Readonly<Record<string, number>>;
  /** What the update was to be made from: `batch-1.safetensors`, … */
  readonly batches: readonly Readonly<Record<string, HostTensor>>[];
}

/** Keeps the batches of a step that went wrong, so that they can be looked at and run again: `failed-step-00000123/`. */
export async function saveFailure(root: string, { batches, ...failure }: Failure): Promise<string> {
  const { fs, path } = await node();
  const dir = path.join(root, `failed-step-${String(failure.update).padStart(8, '0')}`);
  await fs.rm(dir, { recursive: true, force: true });
  await fs.mkdir(root, { recursive: true });
  await writeDirectoryAtomic(dir, async (pending) => {
    for (const [i, batch] of batches.entries()) {
      await writeSafetensors(path.join(pending, `batch-${i + 1}.safetensors`), memoryCheckpoint(batch));
    }
    const printable = Object.entries(failure.figures).map(([name, value]) => [name, String(value)]);
    const text = JSON.stringify({ ...failure, figures: Object.fromEntries(printable) }, null, 1);
    await writeFlushed(path.join(pending, 'failure.json'), `${text}\n`);
  });
  return dir;
}
