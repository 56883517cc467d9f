import type { RgbImage } from '@emu-ts/contracts';
import { decodeImage } from '@emu-ts/media';
import { parsePrompt } from '@emu-ts/sequence';
import { executors, expectSame, goldens } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CompleteOptions, Emu, type EmuItem } from './index.js';

/** The whole model, from files to texts and pictures, against the reference implementation. */
const golden = await goldens();

interface Generation {
  readonly prompts: readonly string[];
  readonly images: number | null;
  readonly options: Readonly<Record<string, number>> & { readonly allowed_sequences?: readonly number[][] };
  readonly text: readonly string[];
}

interface Pipeline {
  readonly inputs: readonly string[];
  readonly guidance_scale: number;
  readonly num_inference_steps: number;
  readonly height: number;
  readonly width: number;
}

const generations = await golden.json<Record<string, Generation>>('generation.json');
const pipelines = await golden.json<Record<string, Pipeline>>('pipeline.json');
const single = Object.entries(generations).filter(
  ([, { prompts, options }]) =>
    prompts?.length === 1 && options && !options.num_captions && !options.allowed_sequences,
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
    pictures = await Promise.all([0, 1, 2, 3, 4].map((i) => decodeImage(golden.path('images', `${i}.png`))));
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
      const asked: CompleteOptions = {
        beams: options.num_beams,
        maxNewTokens: options.max_new_tokens,
        minLength: options.min_length,
        lengthPenalty: options.length_penalty,
        repetitionPenalty: options.repetition_penalty,
        noRepeatNgram: options.no_repeat_ngram_size,
      };
      expectSame(`emu.complete ${label} (${name})`, await emu.answer(sequence, asked).text(), text[0]);
    },
  );

  it.each(Object.keys(pipelines))('draws what the reference draws: %s', async (label) => {
    const { inputs, guidance_scale, num_inference_steps, height, width } = pipelines[label];
    const items: EmuItem[] = inputs.map((input) =>
      input.endsWith('.png') ? { image: golden.path(input) } : input,
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
    const wanted = await golden.activations.read(`pipeline.${label}.image_u8`);
    expect([image.height, image.width, 3]).toEqual(wanted.shape);
    // One level of an 8-bit picture is the reference's own rounding.
    let worst = 0;
    for (const [i, level] of (wanted.data as Uint8Array).entries())
      worst = Math.max(worst, Math.abs(image.data[i] - level));
    expectSame(`emu.draw pipeline.${label}, levels beyond one (${name})`, Math.max(0, worst - 1), 0);
  });

  it('orders answers as the reference does', async () => {
    const { prompts, images, candidates, rank } = generations.predict_rank as unknown as Generation & {
      candidates: string[];
      rank: number[][];
    };
    const { queries } = emu.components.format;
    const items: EmuItem[] = parsePrompt(prompts[0], pictures.slice(0, images ?? 0), { queries }).map(
      (element) => (element.type === 'image' ? element.image : (element as { text: string }).text),
    );
    const ranked = await emu.rank(items, candidates);
    const order = ranked.map(({ answer }) => candidates.indexOf(answer));
    expectSame(`emu.rank (${name})`, order, rank[0]);
  });
});
