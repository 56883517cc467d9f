import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { toF64 } from '@emu-ts/base';
import { interpreter } from '@emu-ts/graph';
import { afterAll } from 'vitest';
import { readMetrics } from '../src/files/metrics.js';
import type { TrainOptions, TrainResult } from '../src/loop/options.js';
import { warmupCosine } from '../src/optimizer/schedule.js';
import { toyData, toyStep, toyWeights } from './toy.js';

/** A fresh directory for every call, removed when the calling test file is done. */
export function freshDirs(): () => string {
  const root = mkdtempSync(path.join(tmpdir(), 'emu-training-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  let counter = 0;
  return () => path.join(root, `run-${counter++}`);
}

/** Twelve updates of the toy on the interpreter. */
export const toyRun = (): TrainOptions => ({
  executor: interpreter(),
  step: toyStep(),
  weights: toyWeights(),
  data: toyData(),
  updates: 12,
  schedule: warmupCosine({ steps: 12, warmup: 3 }),
});

/** All weights and moments of a finished run, which is disposed. */
export async function outcome(result: TrainResult): Promise<Record<string, number[]>> {
  const out: Record<string, number[]> = {};
  for (const name of result.state.step.parameters.keys())
    out[name] = [...toF64(await result.state.weight(name))];
  for (const name of result.state.moments()) out[name] = [...toF64(await result.state.read(name))];
  await result.dispose();
  return out;
}

export const checkpointsIn = (dir: string): string[] => readdirSync(path.join(dir, 'checkpoints')).sort();

/** The metrics of a run but for the time of day. */
export const timeless = async (dir: string) =>
  (await readMetrics(path.join(dir, 'metrics.jsonl'))).map(({ time: _, ...rest }) => rest);
