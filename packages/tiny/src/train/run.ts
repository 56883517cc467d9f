import type { CallOptions } from '@emu-ts/base';
import { latestRun, type Pace, train } from '@emu-ts/training';
import { autoencodeStage } from '../draw/autoencode-stage.js';
import { finishStage, paintStage } from '../draw/stages.js';
import { instructStage } from '../instruct/stage.js';
import { readStage } from '../read/stage.js';
import { seeStage } from '../see/stage.js';
import { folderOf, type Stage, type StageName, type Workshop } from './stage.js';

/** In the order in which they need each other. */
export const stages: readonly Stage[] = [
  seeStage,
  readStage,
  instructStage,
  autoencodeStage,
  paintStage,
  finishStage,
];

export interface TrainTinyOptions extends Workshop, CallOptions {
  /** Only these stages; those before them must have run. Default all. */
  readonly only?: readonly StageName[] | undefined;
  /** Updates of every stage in place of its own, to try things out. */
  readonly updates?: number | undefined;
  readonly onUpdate?: ((stage: Stage, pace: Pace) => void) | undefined;
}

/** Trains the small Emu from nothing. Finished stages are passed over and a broken-off one is taken up where it was. */
export async function trainTiny(options: TrainTinyOptions): Promise<void> {
  const { only, onUpdate, signal, onProgress } = options;
  for (const stage of stages) {
    if (only && !only.includes(stage.name)) continue;
    signal?.throwIfAborted();
    const dir = folderOf(options, stage.name);
    const updates = options.updates ?? stage.updates;
    const saved = await latestRun(dir);
    if (saved && saved.state.update >= updates) continue;
    const { close, ...plan } = await stage.make(options, updates, { signal, onProgress });
    try {
      await using _ = await train({
        checkpointEvery: 250,
        programs: 24,
        ...plan,
        executor: options.executor,
        updates,
        seed: options.seed,
        dir,
        onUpdate: (pace) => onUpdate?.(stage, pace),
        signal,
        onProgress,
      });
    } finally {
      await close?.();
    }
  }
}
