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
  readonly batch: Readonly<Record<string, HostTensor>>;
}

/** Keeps the batch of a step that went wrong, so that it can be looked at and run again: `failed-step-00000123/`. */
export async function saveFailure(root: string, { batch, ...failure }: Failure): Promise<string> {
  const { fs, path } = await node();
  const dir = path.join(root, `failed-step-${String(failure.update).padStart(8, '0')}`);
  await fs.rm(dir, { recursive: true, force: true });
  await fs.mkdir(root, { recursive: true });
  await writeDirectoryAtomic(dir, async (pending) => {
    await writeSafetensors(path.join(pending, 'batch.safetensors'), memoryCheckpoint(batch));
    const printable = Object.entries(failure.figures).map(([name, value]) => [name, String(value)]);
    const text = JSON.stringify({ ...failure, figures: Object.fromEntries(printable) }, null, 1);
    await writeFlushed(path.join(pending, 'failure.json'), `${text}\n`);
  });
  return dir;
}
