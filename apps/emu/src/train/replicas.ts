import { availableParallelism } from 'node:os';
import { EmuError } from '@emu-ts/base';
import type { Executor } from '@emu-ts/graph';
import type { Belongings } from '../components.js';
import type { CliRecipe } from './recipe.js';

/**
 * Copies of ONNX Runtime, each in a thread of its own, that share the batches of every update and the processor's cores.
 * @param executor what makes the updates
 * @throws EmuError `WORKERS` where that is not ONNX Runtime, or a stage has fewer batches an update than there are workers
 */
export async function openReplicas(
  count: number,
  recipe: CliRecipe,
  executor: Executor,
  belongings: Belongings,
): Promise<readonly Executor[]> {
  if (executor.name !== 'onnx')
    throw new EmuError('WORKERS', `Workers run ONNX Runtime, and this would train on ${executor.name}.`, {
      hint: 'Give --device onnx, or leave out --workers.',
    });
  for (const { name, accumulate = 1 } of recipe.stages)
    if (accumulate < count)
      throw new EmuError(
        'WORKERS',
        `Stage '${name}' makes an update of ${accumulate === 1 ? '1 batch' : `${accumulate} batches`}; ${count} workers would not all have one.`,
        { hint: `Set its 'accumulate' to ${count} or more, and 'batch' to fewer samples to make up for it.` },
      );
  const { onnx } = await import('@emu-ts/onnx');
  const intraOpNumThreads = Math.max(1, Math.floor(availableParallelism() / count));
  const opened: Executor[] = [];
  for (let i = 0; i < count; i++)
    opened.push(belongings.add(await onnx({ worker: true, sessionOptions: { intraOpNumThreads } })));
  return opened;
}
