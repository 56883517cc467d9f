import { EmuError, random, tensor } from '@emu-ts/base';
import type { ImagePreview, SafetyChecker, SchedulerFactory } from '@emu-ts/contracts';
import { imageDecoderChecks } from '@emu-ts/contracts/conformance';
import { type DeviceTensor, type Executor, interpreter } from '@emu-ts/graph';
import { tensorSource } from '@emu-ts/params';
import { describe, expect, it } from 'vitest';
import { condition, tinyDecoder } from '../../test/tiny-decoder.js';
import { schedulers, stableDiffusionSchedule } from '../schedulers/index.js';
import { createDiffusionDecoder } from './diffusion-decoder.js';

/** Counts what an executor holds, and can be told to fail at the n-th run. */
function counted(): { executor: Executor; live: Set<DeviceTensor>; failAt: (run: number) => void } {
  const inner = interpreter();
  const live = new Set<DeviceTensor>();
  let [runs, failing] = [0, Number.POSITIVE_INFINITY];
  const hold = (held: DeviceTensor): DeviceTensor => {
    const dispose = held.dispose.bind(held);
    held.dispose = () => {
      live.delete(held);
      dispose();
    };
    live.add(held);
    return held;
  };
  const executor: Executor = {
    ...inner,
    upload: async (t, options) => hold(await inner.upload(t, options)),
    async compile(graph, options) {
      const program = await inner.compile(graph, options);
      return {
        ...program,
        async run(inputs, runOptions) {
          if (++runs === failing) throw new EmuError('DEVICE_LOST', 'The device is gone.');
          const outputs = await program.run(inputs, runOptions);
          for (const held of Object.values(outputs)) hold(held);
          return outputs;
        },
      };
    },
  };
  return {
    executor,
    live,
    failAt: (run) => {
      failing = runs + run;
    },
  };
}

describe('the image decoder contract', () => {
  const create = () => createDiffusionDecoder(tinyDecoder(interpreter()));
  for (const { name, run } of imageDecoderChecks(create, { rows: 2, height: 8, width: 4 })) it(name, run);
});

describe('what the executor holds', () => {
  const call = { steps: 3, guidanceScale: 4, height: 8, width: 8 };

  it('is the weights alone between calls and nothing in the end', async () => {
    const { executor, live } = counted();
    const decoder = await createDiffusionDecoder(tinyDecoder(executor));
    const weights = live.size;
    await decoder.decode(condition(2), { ...call, onPreview: () => {}, previewEvery: 1 });
    expect(live.size).toBe(weights);
    await decoder.dispose();
    expect(live.size).toBe(0);
  });

  it('is the weights alone after an abort at any step', async () => {
    const { executor, live } = counted();
    await using decoder = await createDiffusionDecoder(tinyDecoder(executor));
    const weights = live.size;
    for (const at of [1, 2, 3, 4, 5]) {
      const controller = new AbortController();
      let events = 0;
      const aborting = decoder.decode(condition(2), {
        ...call,
        signal: controller.signal,
        onProgress: () => {
          if (++events === at) controller.abort();
        },
      });
      // The fifth event is the picture itself: then there is nothing left to stop.
      if (at < 5) await expect(aborting).rejects.toMatchObject({ name: 'AbortError' });
      else await aborting;
      expect(live.size).toBe(weights);
    }
  });

  it('is the weights alone after a failure at any run', async () => {
    const { executor, live, failAt } = counted();
    await using decoder = await createDiffusionDecoder(tinyDecoder(executor));
    const weights = live.size;
    for (const run of [1, 2, 3, 6]) {
      failAt(run);
      await expect(decoder.decode(condition(2), call)).rejects.toMatchObject({ code: 'DEVICE_LOST' });
      expect(live.size).toBe(weights);
    }
    await decoder.decode(condition(2), call);
  });

  it('is nothing when the VAE does not load', async () => {
    const { executor, live } = counted();
    const { vae, ...rest } = tinyDecoder(executor);
    const broken = { ...vae, weights: tensorSource(new Map()) };
    await expect(createDiffusionDecoder({ ...rest, vae: broken })).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
    });
    expect(live.size).toBe(0);
  });
});

describe('decode', () => {
  it('runs keys and values once, the model once per timestep, the VAE once per picture', async () => {
    const ran: string[] = [];
    const inner = interpreter();
    const executor: Executor = {
      ...inner,
      async compile(graph, compileOptions) {
        const program = await inner.compile(graph, compileOptions);
        const kind = Object.keys(graph.outputs)[0];
        return {
          ...program,
          run(inputs, run) {
            ran.push(kind);
            return program.run(inputs, run);
          },
        };
      },
    };
    await using decoder = await createDiffusionDecoder(tinyDecoder(executor));
    await decoder.decode(condition(4), { steps: 3, guidanceScale: 2, height: 4, width: 4 });
    const [keys, ...others] = ran;
    expect(keys).toMatch(/attn2\.keys$/);
    expect(others).toEqual(['latents', 'latents', 'latents', 'latents', 'pixels', 'pixels']);
  });

  it('starts from noise times the initial sigma, of any scheduler it is given', async () => {
    await using decoder = await createDiffusionDecoder(tinyDecoder(interpreter()));
    const seen: Float32Array[] = [];
    const scheduler: SchedulerFactory = (steps) => {
      const inner = schedulers.euler(stableDiffusionSchedule, steps);
      return {
        ...inner,
        step(i, call) {
          if (i === 0) seen.push(call.sample);
          return inner.step(i, call);
        },
      };
    };
    const latents = tensor('f32', [1, 4, 2, 2], random(3).normal(16));
    await decoder.decode(condition(1), {
      scheduler,
      latents,
      guidanceScale: 1,
      steps: 2,
      height: 4,
      width: 4,
    });
    const { initialSigma } = schedulers.euler(stableDiffusionSchedule, 2);
    expect(seen).toEqual([(latents.data as Float32Array).map((x) => x * initialSigma)]);
  });

  it('equals the guided step done by hand on two unguided ones', async () => {
    await using decoder = await createDiffusionDecoder(tinyDecoder(interpreter()));
    const scale = 3;
    const outputs: Float32Array[] = [];
    const spy: SchedulerFactory = () => ({
      ...schedulers.ddim(stableDiffusionSchedule, 1),
      step: (_, { sample, output }) => {
        outputs.push(output);
        return { sample, state: [] };
      },
    });
    const both = condition(2);
    const row = (i: number) => tensor('f32', [1, 2, 3], (both.data as Float32Array).slice(i * 6, i * 6 + 6));
    const size = { height: 4, width: 4, steps: 1, scheduler: spy };
    await decoder.decode(both, { ...size, guidanceScale: scale });
    await decoder.decode(row(0), { ...size, guidanceScale: 1 });
    await decoder.decode(row(1), { ...size, guidanceScale: 1 });
    const [guided, conditioned, unconditioned] = outputs;
    guided.forEach((x, i) => {
      const wanted = unconditioned[i] + scale * (conditioned[i] - unconditioned[i]);
      expect(Math.abs(x - wanted)).toBeLessThanOrEqual(8 * 2 ** -24 * (2 * scale + 1) * 4);
    });
  });

  it('blackens what the safety checker flags', async () => {
    const dispose = async () => {};
    const safetyChecker: SafetyChecker = {
      check: async (images) => images.map((_, i) => ({ flagged: i === 1, scores: [i] })),
      dispose,
      [Symbol.asyncDispose]: dispose,
    };
    await using decoder = await createDiffusionDecoder({ ...tinyDecoder(interpreter()), safetyChecker });
    const images = await decoder.decode(condition(2), { steps: 1, guidanceScale: 0, height: 4, width: 4 });
    expect(images.map(({ flagged }) => flagged)).toEqual([false, true]);
    expect(images.map(({ verdict }) => verdict?.scores)).toEqual([[0], [1]]);
    expect(images[0].data.some((byte) => byte > 0)).toBe(true);
    expect(images[1].data.every((byte) => byte === 0)).toBe(true);
  });

  it('previews every few calls, but not the finished picture', async () => {
    await using decoder = await createDiffusionDecoder(tinyDecoder(interpreter()));
    const previews: ImagePreview[] = [];
    await decoder.decode(condition(2), {
      steps: 6,
      guidanceScale: 1,
      height: 4,
      width: 8,
      scheduler: 'ddim',
      previewEvery: 2,
      onPreview: (preview) => previews.push(preview),
    });
    expect(previews.map(({ step, steps }) => [step, steps])).toEqual([
      [2, 6],
      [4, 6],
    ]);
    for (const { images } of previews) {
      expect(images.map(({ width, height }) => [width, height])).toEqual([
        [8, 4],
        [8, 4],
      ]);
    }
  });

  it('names what it knows when it does not know a scheduler', async () => {
    await using decoder = await createDiffusionDecoder(tinyDecoder(interpreter()));
    await expect(decoder.decode(condition(1), { guidanceScale: 1, scheduler: 'toString' })).rejects.toThrow(
      /There are pndm, ddim, dpmpp2m, euler, dpmpp2m_karras, euler_karras/,
    );
  });
});

it('takes what a call does not say from its defaults', async () => {
  const given = { steps: 3, guidanceScale: 2, height: 8, width: 8, scheduler: 'ddim' };
  const options = tinyDecoder(interpreter());
  await using usual = await createDiffusionDecoder(options);
  await using decoder = await createDiffusionDecoder({ ...options, defaults: given });
  const [said] = await usual.decode(condition(2), given);
  const [unsaid] = await decoder.decode(condition(2));
  expect(unsaid).toEqual(said);
  const [other] = await decoder.decode(condition(2), { scheduler: 'euler' });
  expect(other).not.toEqual(said);
});
