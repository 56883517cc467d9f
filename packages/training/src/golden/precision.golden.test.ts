import { loadParams } from '@emu-ts/params';
import { expectClose, goldens, sharedExecutors } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { openReference, referenceTraining } from '../../test/reference.js';
import { interleavedObjective } from '../objective/interleaved.js';
import { names } from '../step/names.js';
import { trainingStep } from '../step/step.js';

const reference = await goldens();
const { model, batch, expectation } = await referenceTraining(reference);

describe.each(sharedExecutors())('mixed precision on $name', ({ name: on, create }) => {
  it.each(['f16', 'bf16'] as const)(
    'has the losses of the reference to the precision of %s',
    async (compute) => {
      const step = trainingStep({
        params: model.params,
        objective: interleavedObjective(model),
        optimizer: {
          betas: [0.9, 0.95],
          eps: 1e-8,
          weightDecay: 0,
          groups: [{ name: 'all', match: ['**'], rate: 1e-3 }],
        },
        compute,
        lossScaling: true,
      });
      await using file = await openReference(reference, false);
      const weights = await loadParams(model.params, file);
      await using executor = await create();
      const { graph } = step.traceGradients(batch);
      await using program = await executor.compile(graph);
      const scale = { dtype: 'f32', shape: [], data: Float32Array.of(1024) } as const;
      const given = Object.keys(graph.inputs).map(
        (name) => [name, weights.get(name) ?? batch[name] ?? scale] as const,
      );
      const out = await program.run(Object.fromEntries(given));
      for (const [metric, golden] of [
        ['loss_text', 'train.loss_text'],
        ['loss_image', 'train.loss_image_mse'],
      ]) {
        const wanted = await reference.activations.read(golden);
        const actual = { ...(await out[names.metric(metric)].read()), shape: wanted.shape };
        // Rounding errors of independent weights average out along a sum: what is left does not grow with its length.
        expectClose(`${compute} ${golden} (${on})`, actual, wanted, {
          dtype: compute,
          depth: expectation.depth ?? 1,
        });
      }
      const norms = Object.keys(out).filter((name) => name.startsWith(names.gradient('')));
      expect(norms).toHaveLength(reference.grads.names.length);
      for (const output of Object.values(out)) output.dispose();
    },
  );
});
