import { readFile } from 'node:fs/promises';
import { convert, type HostTensor, tensor } from '@emu-ts/base';
import { diffusersVae, openCheckpoint, renamed } from '@emu-ts/checkpoint';
import type { Executor } from '@emu-ts/graph';
import { executors, expectSame, goldens } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDiffusionDecoder,
  type DiffusionDecoder,
  parseUnetConfig,
  parseVaeConfig,
  schedulerSet,
} from '../index.js';

interface PipelineCase {
  readonly inputs: readonly string[];
  readonly guidance_scale: number;
  readonly num_inference_steps: number;
  readonly height: number;
  readonly width: number;
}

interface Prompt {
  readonly text: readonly string[];
  readonly images: number;
  readonly placeholder: string;
}

const { activations, config, json, path } = await goldens();
const pipelines = await json<Record<string, PipelineCase>>('pipeline.json');
const prompts = await json<Record<string, Prompt>>('generation.json');

/** The goldens hold embeddings for some of the pipelines' prompts; the others are compared where there is a language model. */
const cases = Object.entries(pipelines).flatMap(([name, options]) => {
  const prompt = prompts[`generate_image.${name}`];
  if (!prompt) return [];
  const text = options.inputs.map((item) => (/^images\//.test(item) ? prompt.placeholder : item)).join('');
  return text === prompt.text[0] ? [{ name, options }] : [];
});

describe.each(executors())('the pipeline from embeddings to bytes on $name', ({ name: on, create }) => {
  let executor: Executor;
  let decoder: DiffusionDecoder;

  beforeAll(async () => {
    executor = await create();
    const weights = (part: string) => openCheckpoint(path('checkpoint', part, 'diffusion_pytorch_model.bin'));
    await using unet = await weights('unet');
    await using vae = await weights('vae');
    const scheduler = await readFile(path('checkpoint', 'scheduler', 'scheduler_config.json'), 'utf8');
    decoder = await createDiffusionDecoder({
      executor,
      unet: { config: parseUnetConfig(config.unet), weights: unet },
      vae: { config: parseVaeConfig(config.vae), weights: renamed(vae, diffusersVae) },
      schedulers: schedulerSet(JSON.parse(scheduler)),
    });
  });

  afterAll(async () => {
    await decoder?.dispose();
    await executor?.dispose();
  });

  it('has cases', () => {
    expect(cases).not.toEqual([]);
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
    expectSame(`pipeline.${name} within one 8-bit level (${on})`, levels <= 1, true);
  });
});

/** The prompt's row alone where there is no guidance. */
function guided(condition: HostTensor, scale: number): HostTensor {
  const [, ...rest] = condition.shape;
  const { data } = convert(condition, 'f32');
  return scale > 1 ? condition : tensor('f32', [1, ...rest], data.slice(0, data.length / 2));
}
