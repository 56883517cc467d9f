import { random } from '@emu-ts/base';
import type { Scheduler, SchedulerFactory, SchedulerState } from '../scheduler.js';
import { type ConformanceCheck, expectRejection, expectThat } from './check.js';

const length = 12;

/** A model that never agrees with the sample, so that every call moves it. */
const model = (x: Float32Array, t: number): Float32Array => x.map((v, i) => Math.sin(v + i) + t / 1e4);

/** Every sample on the way, from noise of a fixed seed. */
function walk(scheduler: Scheduler, pause: (state: SchedulerState) => SchedulerState): Float32Array[] {
  let sample: Float32Array = random(7)
    .normal(length)
    .map((x) => x * scheduler.initialSigma);
  let state = scheduler.start();
  return scheduler.timesteps.map((t, i) => {
    const output = model(scheduler.scaleInput(sample, i), t);
    ({ sample, state } = scheduler.step(i, { sample, output, state: pause(state) }));
    return sample;
  });
}

const same = (a: Float32Array, b: Float32Array) => a.length === b.length && a.every((x, i) => x === b[i]);

/** What another scheduler must keep. */
export const schedulerChecks = (create: SchedulerFactory): ConformanceCheck[] => [
  {
    name: 'calls the model at least once per step, at finite timesteps',
    async run() {
      for (const steps of [1, 2, 10]) {
        const { timesteps, initialSigma } = create(steps);
        expectThat(timesteps.length > 0, () => `${steps} steps make no model call.`);
        expectThat(timesteps.every(Number.isFinite), () => `The timesteps are ${timesteps.join(', ')}.`);
        expectThat(initialSigma > 0, () => `The initial sigma is ${initialSigma}.`);
      }
    },
  },
  {
    name: 'gives finite samples as long as the first',
    async run() {
      for (const sample of walk(create(10), (state) => state)) {
        expectThat(sample.length === length, () => `A sample of ${length} became one of ${sample.length}.`);
        expectThat(sample.every(Number.isFinite), () => 'A sample holds numbers that are not finite.');
      }
    },
  },
  {
    name: 'keeps all that it remembers in the state',
    async run() {
      const [a, b] = [
        walk(create(10), (state) => state),
        walk(create(10), (state) => structuredClone(state)),
      ];
      expectThat(
        a.every((sample, i) => same(sample, b[i])),
        () => 'A run that was stored and resumed went another way.',
      );
    },
  },
  {
    name: 'leaves what it is given alone',
    async run() {
      const scheduler = create(4);
      const sample = random(1).normal(length);
      const output = random(2).normal(length);
      const copies = [sample, output].map((x) => x.slice());
      const { state } = scheduler.step(0, { sample, output, state: scheduler.start() });
      const remembered = state.map((x) => x.slice());
      scheduler.scaleInput(sample, 0);
      scheduler.clean?.(0, { sample, output });
      if (scheduler.timesteps.length > 1) scheduler.step(1, { sample, output, state });
      expectThat(
        same(sample, copies[0]) && same(output, copies[1]),
        () => 'A step wrote over its arguments.',
      );
      expectThat(
        state.every((x, i) => same(x, remembered[i])),
        () => 'A step wrote over the state before it.',
      );
    },
  },
  {
    name: 'refuses numbers of steps that cannot be',
    async run() {
      for (const steps of [0, -1, 1.5, Number.NaN])
        await expectRejection(`${steps} steps`, 'STEPS', async () => create(steps));
    },
  },
];
