import { random, tensor } from '@emu-ts/base';
import { graphOf, input, interpret, tensorType } from '@emu-ts/graph';
import { describeOp, expectClose } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { isLinear, type LinearScheduler, linearScheduler, schedulerSet } from '../schedulers/index.js';
import { cases } from './cases.js';
import { mixings, slotsOf } from './mixing.js';
import { samplerStepOp } from './op.js';

describeOp(samplerStepOp, cases, { gradient: false, executors: ['onnx'] });

const set = (prediction_type: string) =>
  schedulerSet({ _class_name: 'PNDMScheduler', skip_prk_steps: true, steps_offset: 1, prediction_type })
    .named;

const samplers = Object.entries({ ...set('epsilon'), ...prefixed(set('v_prediction')) }).map(
  ([name, make]) => [name, make(7) as LinearScheduler] as const,
);

function prefixed<T>(named: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(named).map(([name, make]) => [`${name} of v`, make]));
}

/** It remembers more than any sampler of this package, forgets a call and goes back once. */
const demanding = linearScheduler(
  2,
  Array.from({ length: 8 }, (_, i) => ({
    timestep: 10 - i,
    inputScale: 1 / (i + 1),
    kept: { sample: 0.25, output: 0.5 },
    clean: { sample: 0.75, output: -0.5 },
    from: i === 3 ? ('previous' as const) : ('current' as const),
    next: { sample: 0.5, history: [0.3, -0.2, 0.1, 0.05, -0.04, 0.03].slice(0, i > 2 ? i : i + 1) },
    remember: i !== 2,
  })),
);

describe('a sampler as matrices goes where its table goes on the host', () => {
  const shape = [1, 2, 3, 1];
  const length = 6;

  it.each([...samplers, ['a demanding one', demanding] as const])('%s', (name, scheduler) => {
    const slots = slotsOf(scheduler);
    const graph = graphOf({
      ...samplerStepOp(
        {
          predictions: input('predictions', tensorType('f32', shape)),
          state: input('state', tensorType('f32', [slots, ...shape])),
          mixing: input('mixing', tensorType('f32', [slots + 1, slots + 1])),
        },
        {},
      ),
    });
    const matrices = mixings(scheduler, slots);
    let sample = random(1).normal(length);
    let onHost = scheduler.start();
    let state = tensor(
      'f32',
      [slots, ...shape],
      [...sample, ...sample, ...new Float32Array((slots - 2) * length)],
    );
    scheduler.timesteps.forEach((_, i) => {
      const output = random(2, i).normal(length);
      const clean = scheduler.clean?.(i, { sample, output }) as Float32Array;
      ({ sample, state: onHost } = scheduler.step(i, { sample, output, state: onHost }));
      const found = interpret(graph, {
        predictions: tensor('f32', shape, output),
        state,
        mixing: matrices[i],
      });
      const { data } = found.stateOut;
      state = tensor('f32', state.shape, Float32Array.from(data));
      const wanted = {
        sample: [data.subarray(0, length), sample],
        clean: [data.subarray((slots - 1) * length), clean],
        seen: [
          found.seen.data,
          i < scheduler.timesteps.length - 1 ? scheduler.scaleInput(sample, i + 1) : [],
        ],
      } as const;
      for (const [what, [there, here]] of Object.entries(wanted))
        if (here.length)
          expectClose(
            `${name}, call ${i}: ${what}`,
            tensor('f64', shape, Float64Array.from(there)),
            tensor('f32', shape, Float32Array.from(here)),
            { terms: slots + 1, depth: 2 * (i + 1), magnitude: largest(scheduler, i) },
          );
    });
  });

  it('counts what linearScheduler made, and no copy of it', () => {
    expect(isLinear(demanding)).toBe(true);
    expect(isLinear({ ...demanding })).toBe(false);
  });
});

/** What a sum at call `i` may be made of: rounded terms cancel, above all where noise is divided by little signal. */
const largest = ({ coefficients }: LinearScheduler, i: number): number =>
  4 *
  Math.max(
    ...coefficients
      .slice(0, i + 1)
      .flatMap(({ kept, clean, next }) => [kept, clean, next].flatMap((mix) => Object.values(mix).flat()))
      .map(Math.abs),
  );
