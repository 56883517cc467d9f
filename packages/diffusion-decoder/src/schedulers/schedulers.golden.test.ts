import { tensor, toF64 } from '@emu-ts/base';
import { expectClose, expectSame, goldens } from '@emu-ts/testing';
import { describe, it } from 'vitest';
import {
  type SchedulerConfig,
  type SchedulerName,
  schedulerNames,
  schedulers,
  stableDiffusionSchedule,
} from './index.js';

const linspaced = { ...stableDiffusionSchedule, timestepSpacing: 'linspace' } as const;

/** How the goldens were made: each sampler with its usual spacing; a name may end in `_karras`. */
function settings(sampler: string): readonly [SchedulerName, SchedulerConfig] {
  const plain = sampler.replace(/_karras$/, '');
  const name = schedulerNames.find((known) => known === plain);
  if (!name) throw new Error(`The goldens hold the sampler '${sampler}'; there are ${schedulerNames}.`);
  const spaced = name === 'dpmpp2m' ? linspaced : stableDiffusionSchedule;
  return [name, { ...spaced, karrasSigmas: plain !== sampler }];
}

const { activations } = await goldens();
const cases = activations.names.flatMap((name) => {
  const [, sampler, steps] = /^scheduler\.(\w+)\.(\d+)\.samples$/.exec(name) ?? [];
  return sampler ? [{ sampler, steps: Number(steps) }] : [];
});

describe('schedulers', () => {
  it.each(cases)('$sampler in $steps steps', async ({ sampler, steps }) => {
    const [name, config] = settings(sampler);
    const scheduler = schedulers[name](config, steps);
    const read = (part: string) => activations.read(`scheduler.${sampler}.${steps}.${part}`);
    expectSame(
      `scheduler.${sampler}.${steps}.timesteps`,
      Array.from(Float32Array.from(scheduler.timesteps)),
      Array.from(toF64(await read('timesteps'))),
    );

    const init = (await activations.read('scheduler.init')).data as Float32Array;
    let sample: Float32Array<ArrayBufferLike> = init.map((x) => x * scheduler.initialSigma);
    let state = scheduler.start();
    const samples = new Float32Array(sample.length * scheduler.timesteps.length);
    scheduler.timesteps.forEach((t, i) => {
      const output = analytic(scheduler.scaleInput(sample, i), t);
      ({ sample, state } = scheduler.step(i, { sample, output, state }));
      samples.set(sample, i * sample.length);
    });
    const expected = await read('samples');
    // One rounded sum of four terms per call, over all calls.
    expectClose(`scheduler.${sampler}.${steps}.samples`, tensor('f32', expected.shape, samples), expected, {
      terms: 4,
      depth: scheduler.timesteps.length,
    });
  });
});

/** The model of the goldens: ε = 0.5 x cos(t/1000) + 0.1 sin(t/50). */
const analytic = (x: Float32Array, t: number): Float32Array =>
  x.map((value) => 0.5 * value * Math.cos(t / 1000) + 0.1 * Math.sin(t / 50));
