import { convert, type HostTensor, tensor } from '@emu-ts/base';
import type { Executor } from '@emu-ts/graph';
import { executors, expectSame, goldenCases, goldens } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDiffusionDecoder,
  type DiffusionDecoder,
  parseUnetConfig,
  parseVaeConfig,
  schedulerSet,
} from '../index.js';

const golden = await goldens();
const { activations, config, json, weights } = golden;
const { drawing, pipeline } = await goldenCases(golden);

/**
 * The goldens hold embeddings for some of the pipelines' prompts; the others are compared where there is a language
 * model. A drawing sees the first pictures in their order.
 */
const cases = pipeline.flatMap(([name, options]) => {
  const prompt = drawing.find(([drawn]) => drawn === name)?.[1];
  const pictures = options.inputs.filter(isPicture);
  const first = pictures.every((picture, i) => picture === `images/${i}.png`);
  const text = options.inputs.map((item) => (isPicture(item) ? prompt?.placeholder : item)).join('');
  return prompt && first && text === prompt.text[0] ? [{ name, options }] : [];
});

describe.each(executors())('the pipeline from embeddings to bytes on $name', ({ name: on, create }) => {
  let executor: Executor;
  let decoder: DiffusionDecoder;

  beforeAll(async () => {
    executor = await create();
    await using unet = await weights('unet');
    await using vae = await weights('vae');
    decoder = await createDiffusionDecoder({
      executor,
      unet: { config: parseUnetConfig(config.unet), weights: unet },
      vae: { config: parseVaeConfig(config.vae), weights: vae },
      schedulers: schedulerSet(await json('checkpoint/scheduler/scheduler_config.json')),
    });
  });

  afterAll(async () => {
    await decoder?.dispose();
    await executor?.dispose();
  });

  it('is conditioned on what the language model predicts', () => {
    expect(decoder.condition.width).toBe(config.llama.hidden_size);
  });

  it.each(cases)('$name', async ({ name, options }) => {
    const condition = await activations.read(`generate_image.${name}`);
    const [image] = await decoder.decode(guided(condition, options.guidance_scale), {
      steps: options.num_inference_steps,
      guidanceScale: options.guidance_scale,
      height: options.height,
      width: options.width,
      latents: await activations.read(`pipeline.${name}.latents`),
    });
    const { shape, data } = convert(await activations.read(`pipeline.${name}.image_u8`), 'u8');
    expect([image.height, image.width, 3]).toEqual([...shape]);
    const levels = image.data.reduce((most, byte, i) => Math.max(most, Math.abs(byte - data[i])), 0);
    expectSame(`pipeline.${name}.image_u8 from its embeddings, within one level (${on})`, levels <= 1, true);
  });
});

function isPicture(item: string): boolean {
  return /^images\/.*\.png$/.test(item);
}

/** The prompt's row alone where there is no guidance. */
function guided(condition: HostTensor, scale: number): HostTensor {
  const [, ...rest] = condition.shape;
  const { data } = convert(condition, 'f32');
  return scale > 1 ? condition : tensor('f32', [1, ...rest], data.slice(0, data.length / 2));
}
