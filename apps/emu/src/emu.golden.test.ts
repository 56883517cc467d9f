import type { RgbImage } from '@emu-ts/contracts';
import { decodeImage } from '@emu-ts/media';
import { parsePrompt } from '@emu-ts/sequence';
import {
  executors,
  expectSame,
  generationOptions,
  goldenCases,
  goldenImages,
  goldens,
} from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Emu, type EmuItem } from './index.js';

/** The whole model, from files to texts and pictures, against the reference implementation. */
const golden = await goldens();

const cases = await goldenCases(golden);
/** One prompt, one answer: what `answer` gives. The rest is compared where the language model is. */
const single = cases.generation.filter(
  ([, { prompts, text, options }]) =>
    prompts.length === 1 && text.length === 1 && !generationOptions(options).allowedSequences,
);

describe.each(executors())('Emu on $name', ({ name, create }) => {
  let emu: Emu;
  let pictures: RgbImage[];
  const executor = create();

  beforeAll(async () => {
    emu = await Emu.fromPretrained(golden.path('checkpoint'), {
      device: await executor,
      // The goldens hold pictures as they are before the safety checker looks at them.
      safetyChecker: false,
    });
    pictures = await Promise.all(goldenImages(golden).map((file) => decodeImage(file)));
  }, 120_000);

  afterAll(async () => {
    await emu?.dispose();
    await (await executor).dispose();
  });

  it.each(single)(
    'writes what the reference writes: %s',
    async (label, { prompts, images, options, text }) => {
      const { queries } = emu.components.format;
      const sequence = parsePrompt(prompts[0], pictures.slice(0, images ?? 0), { queries });
      const { sequences: _, ...asked } = generationOptions(options).options;
      expectSame(`emu.complete ${label} (${name})`, await emu.answer(sequence, asked).text(), text[0]);
    },
  );

  it.each(cases.pipeline)('draws what the reference draws: %s', async (label, wanted) => {
    const { inputs, guidance_scale, num_inference_steps, height, width } = wanted;
    const items: EmuItem[] = inputs.map((input) =>
      /^images\/.*\.png$/.test(input) ? { image: golden.path(input) } : input,
    );
    const [image] = await emu
      .draw(items, {
        guidanceScale: guidance_scale,
        steps: num_inference_steps,
        height,
        width,
        latents: await golden.activations.read(`pipeline.${label}.latents`),
      })
      .images();
    const drawn = await golden.activations.read(`pipeline.${label}.image_u8`);
    expect([image.height, image.width, 3]).toEqual(drawn.shape);
    // One level of an 8-bit picture is the reference's own rounding.
    let worst = 0;
    for (const [i, level] of (drawn.data as Uint8Array).entries())
      worst = Math.max(worst, Math.abs(image.data[i] - level));
    expectSame(
      `pipeline.${label}.image_u8 by emu.draw, levels beyond one (${name})`,
      Math.max(0, worst - 1),
      0,
    );
  });

  it.each(cases.rank)(
    'orders answers as the reference does: %s',
    async (label, { prompts, images, candidates, rank }) => {
      const { queries } = emu.components.format;
      const parts = parsePrompt(prompts[0], pictures.slice(0, images ?? 0), { queries });
      const items = parts.flatMap((part): EmuItem[] => {
        if (part.type === 'image') return [part.image];
        return part.type === 'text' ? [part.text] : [];
      });
      const ranked = await emu.rank(items, candidates);
      const order = ranked.map(({ answer }) => candidates.indexOf(answer));
      expectSame(`emu.rank ${label} (${name})`, order, rank[0]);
    },
  );
});
