import { type CallOptions, type HostTensor, sizeOf } from '@emu-ts/base';
import { type Executor, expand, simplify } from '@emu-ts/graph';
import type { TensorSource } from '@emu-ts/params';
import { indexedData } from '../data/indexed.js';
import { train } from '../loop/train.js';
import { variableName } from '../step/names.js';
import type { BatchTypes, TrainingStep } from '../step/types.js';
import { flopsOf } from './flops.js';
import { bytesOf, peakBytes } from './memory.js';

export interface StepEstimate {
  /** Elements of all weights, and of those that are trained. */
  readonly parameters: number;
  readonly trained: number;
  /** Bytes of weights and of optimiser state on the executor. */
  readonly weightBytes: number;
  readonly optimizerBytes: number;
  /** Bytes of intermediate results, gradients among them, at their most, each freed after its last use. */
  readonly activationBytes: number;
  /** Multiplications and additions of one step. */
  readonly flops: number;
}

/** What a step costs, from its graph alone: nothing is run. */
export function estimateStep(step: TrainingStep, batch: BatchTypes): StepEstimate {
  const { graph, donate } = step.trace(batch);
  const expanded = simplify(expand(graph));
  const inputs = Object.entries(graph.inputs);
  const variables = new Set([...step.trained].map(([name, treatment]) => variableName(name, treatment)));
  const elements = (wanted: (name: string) => boolean) =>
    inputs.filter(([name]) => wanted(name)).reduce((n, [, { shape }]) => n + sizeOf(shape), 0);
  const bytes = (wanted: (name: string) => boolean) =>
    inputs.filter(([name]) => wanted(name)).reduce((n, [, value]) => n + bytesOf(value), 0);
  const isWeight = (name: string) => step.parameters.has(name) || variables.has(name);
  return {
    parameters: elements((name) => step.parameters.has(name)),
    trained: elements((name) => variables.has(name) && name in donate),
    weightBytes: bytes(isWeight),
    optimizerBytes: bytes((name) => name in donate && !isWeight(name)),
    activationBytes: peakBytes(expanded, new Set(Object.values(donate))),
    flops: flopsOf(expanded),
  };
}

export interface DryRunOptions extends CallOptions {
  readonly executor: Executor;
  readonly step: TrainingStep;
  readonly weights: TensorSource;
  readonly batch: Readonly<Record<string, HostTensor>>;
  /** Updates to measure, after one to warm up. Default 3. */
  readonly updates?: number | undefined;
}

export interface DryRun extends StepEstimate {
  /** Of one update, compilation left out. */
  readonly secondsPerUpdate: number;
  /** Of the first update, compilation included. */
  readonly secondsToFirst: number;
  readonly flopsPerSecond: number;
}

/** Makes a few real updates on a copy of the weights and says what the whole would take. Nothing is written. */
export async function dryRun(options: DryRunOptions): Promise<DryRun> {
  const { executor, step, weights, batch, updates = 3, signal } = options;
  const times = [performance.now()];
  const result = await train({
    executor,
    step,
    weights,
    data: indexedData({ batch: () => batch }),
    updates: updates + 1,
    nonFinite: 'skip',
    onUpdate: () => times.push(performance.now()),
    signal,
  });
  await result.dispose();
  const seconds = (from: number, to: number) => (times[to] - times[from]) / 1000;
  const secondsPerUpdate = seconds(1, times.length - 1) / updates;
  const estimate = estimateStep(step, batch);
  return {
    ...estimate,
    secondsPerUpdate,
    secondsToFirst: seconds(0, 1),
    flopsPerSecond: (estimate.flops * step.accumulate) / secondsPerUpdate,
  };
}
