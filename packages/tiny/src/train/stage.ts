import type { CallOptions } from '@emu-ts/base';
import type { Executor } from '@emu-ts/graph';
import type { TensorSource } from '@emu-ts/params';
import {
  latestRun,
  type OpenSource,
  openWeights,
  type TrainingData,
  type TrainingStep,
  type TrainOptions,
} from '@emu-ts/training';

import type { Ablation } from '../model/model.js';

/** What every stage works with. */
export interface Workshop {
  /** Each stage has a folder in here. */
  readonly dir: string;
  readonly executor: Executor;
  /** The bytes of `tokenizer.model`. */
  readonly tokenizerModel: Uint8Array;
  readonly seed: number;
  /** Leaves something out of the stages 'see' and 'read', for comparison. */
  readonly without?: Ablation | undefined;
  /** A finished training whose eyes are used in comparisons. Default none: see for yourself. */
  readonly eyes?: string | undefined;
}

/** One part of the training: what is trained on what, from which weights. */
export interface Stage {
  readonly name: StageName;
  readonly updates: number;
  make(workshop: Workshop, updates: number, options: CallOptions): Promise<StagePlan>;
}

export const stageNames = ['see', 'read', 'instruct', 'autoencode', 'paint', 'finish'] as const;
export type StageName = (typeof stageNames)[number];

export interface StagePlan
  extends Pick<TrainOptions, 'schedule' | 'scalars' | 'validation' | 'checkpointEvery'> {
  readonly step: TrainingStep;
  readonly weights: TensorSource;
  /** Lets go of what `weights` reads from. */
  readonly close?: (() => Promise<void>) | undefined;
  readonly data: TrainingData;
}

export const folderOf = ({ dir }: Pick<Workshop, 'dir'>, stage: StageName): string =>
  `${dir}/${stageNames.indexOf(stage) + 1}-${stage}`;

export interface WeightOptions {
  /** What was there before, where the stage trained only some. */
  readonly under?: TensorSource | undefined;
  /** Moving averages in place of the last values. */
  readonly averages?: boolean | undefined;
}

/** Hold files open until they are closed or disposed. */
export type StageWeights = OpenSource & AsyncDisposable;

/** The weights that a stage left. */
export async function weightsOf(
  workshop: Pick<Workshop, 'dir'>,
  stage: StageName,
  { under, averages }: WeightOptions = {},
): Promise<StageWeights> {
  const dir = folderOf(workshop, stage);
  const saved = await latestRun(dir);
  if (!saved) throw new Error(`${dir} has no checkpoint: run the stage '${stage}' first.`);
  const source = await openWeights(saved.dir, under, { averages });
  return { ...source, [Symbol.asyncDispose]: () => source.close() };
}
