import { interpreter } from '@emu-ts/graph';
import { train } from '../src/loop/train.js';
import { warmupCosine } from '../src/optimizer/schedule.js';
import { toyData, toyStep, toyWeights } from './toy.js';

/** A run in a process of its own, for tests that kill it: `child.ts DIR UPDATES`. Says each update on its output. */
const [dir, updates] = process.argv.slice(2);
const result = await train({
  executor: interpreter(),
  step: toyStep(),
  weights: toyWeights(),
  data: toyData(),
  updates: Number(updates),
  schedule: warmupCosine({ steps: Number(updates), warmup: 3 }),
  dir,
  checkpointEvery: 1,
  onUpdate: ({ update }) => process.stdout.write(`${update}\n`),
});
await result.dispose();
