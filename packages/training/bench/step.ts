import { tensor } from '@emu-ts/base';
import type { Executor, Graph } from '@emu-ts/graph';
import { initialize } from '@emu-ts/params';
import { type Bench, executors } from '@emu-ts/testing';
import type { StepGraph } from '../src/index.js';
import { small, smallEmu } from './small-emu.js';

/** A whole training step of a small Emu, beside its forward pass. */
const { model, step, batch } = smallEmu(small);

/** The fastest of a few runs, in milliseconds; state goes round. */
async function fastest(executor: Executor, { graph, donate }: StepGraph): Promise<number> {
  const weights = initialize(model.params, { seed: 1 });
  const place = async (name: string) =>
    executor.upload(weights.get(name) ?? batch[name] ?? tensor('f32', graph.inputs[name].shape));
  let inputs = Object.fromEntries(
    await Promise.all(Object.keys(graph.inputs).map(async (name) => [name, await place(name)] as const)),
  );
  await using program = await executor.compile(graph, { donate });
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 8; i++) {
    const start = performance.now();
    const outputs = await program.run(inputs);
    best = Math.min(best, performance.now() - start);
    inputs = {
      ...inputs,
      ...Object.fromEntries(Object.entries(donate).map(([from, to]) => [from, outputs[to]])),
    };
    for (const [name, output] of Object.entries(outputs)) if (!(name in donate)) output.dispose();
  }
  for (const held of Object.values(inputs)) held.dispose();
  return best;
}

const alone = (graph: Graph): StepGraph => ({ graph, donate: {} });

export const benches: readonly Bench[] = executors()
  .filter(({ name }) => name !== 'reference')
  .map(({ name, create }) => ({
    name: `training: step (${name})`,
    unit: 'ms',
    async run() {
      await using executor = await create();
      const value = await fastest(executor, step.trace(batch));
      const forward = await fastest(executor, alone(step.traceLosses(batch)));
      return { value, baseline: { name: 'three forward passes', value: 3 * forward } };
    },
  }));
