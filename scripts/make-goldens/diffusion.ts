import { type HostTensor, random, sizeOf, tensor } from '@emu-ts/base';
import {
  conditionWidth,
  createDiffusionDecoder,
  createSafetyChecker,
  downscaleOf,
  encodeTimesteps,
  schedulerSet,
  unet,
  unetParams,
  vaeDecode,
  vaeEncode,
  vaeParams,
} from '@emu-ts/diffusion-decoder';
import { input, interpreter } from '@emu-ts/graph';
import { clipPreprocess, encodePng, parseClipConfig, type RgbImage } from '@emu-ts/media';
import { paramInputs, streamOf, tensorSource } from '@emu-ts/params';
import { featureExtractorFile, schedulerFile } from './checkpoint.js';
import { interpretGiven } from './encoder.js';
import type { Model } from './model.js';
import type { Tensors, Weights } from './weights.js';

const noise = ({ recipe }: Model, name: string, shape: readonly number[]): HostTensor<'f32'> =>
  tensor('f32', shape, random(recipe.seed, streamOf(name)).normal(sizeOf(shape)));

/** `unet.*`: one call on a batch of two timesteps. */
export function unetGoldens(model: Model, weights: Tensors): Tensors {
  const { unet: config, recipe } = model;
  const batch = 2;
  const latents = noise(model, 'unet.latents', [batch, config.inChannels, ...recipe.latents]);
  const context = noise(model, 'unet.context', [batch, model.format.queries, conditionWidth(config)]);
  const timesteps = [981, 1];
  const encoding = encodeTimesteps(timesteps, config);
  const p = paramInputs(unetParams(config));
  const symbols = { latents: input('latents', latents), context: input('context', context) };
  const { output, maps } = unet(p, { ...symbols, timesteps: input('encoding', encoding) }, config);
  const results = interpretGiven(
    { output, ...maps },
    { ...Object.fromEntries(weights), latents, context, encoding },
  );
  return named('unet', { latents, context, timesteps: tensor('i64', [batch], timesteps), ...results });
}

/** `vae.*`: one picture each way. */
export function vaeGoldens(model: Model, weights: Tensors): Tensors {
  const { vae: config, recipe } = model;
  const latents = noise(model, 'vae.latents', [1, config.latentChannels, ...recipe.latents]);
  const pixels = recipe.latents.map((side) => side * downscaleOf(config));
  const drawn = noise(model, 'vae.image', [1, config.inChannels, ...pixels]);
  const image = tensor('f32', drawn.shape, drawn.data.map(Math.tanh));
  const p = paramInputs(vaeParams(config));
  const { mean, logvar } = vaeEncode(p, input('image', image), config);
  const decoded = vaeDecode(p, input('latents', latents), config);
  const results = interpretGiven(
    { decoded, mean, logvar },
    { ...Object.fromEntries(weights), latents, image },
  );
  return named('vae', { latents, image, ...results });
}

/** `pipeline.*`, and the pictures as files. */
export async function pipelineGoldens(
  model: Model,
  weights: Weights,
  conditions: Tensors,
): Promise<{ activations: Tensors; pictures: Map<string, Uint8Array> }> {
  await using decoder = await createDiffusionDecoder({
    executor: interpreter(),
    unet: { config: model.unet, weights: tensorSource(weights.unet) },
    vae: { config: model.vae, weights: tensorSource(weights.vae) },
    schedulers: schedulerSet(schedulerFile),
  });
  const activations: Tensors = new Map();
  const pictures = new Map<string, Uint8Array>();
  for (const [name, { guidance_scale, num_inference_steps, height, width }] of Object.entries(
    model.recipe.pipelines,
  )) {
    const sides = [height, width].map((side) => side / downscaleOf(model.vae));
    const latents = noise(model, `pipeline.${name}`, [1, model.unet.inChannels, ...sides]);
    const [image] = await decoder.decode(conditions.get(name) as HostTensor, {
      steps: num_inference_steps,
      guidanceScale: guidance_scale,
      height,
      width,
      latents,
    });
    activations.set(`pipeline.${name}.latents`, latents);
    activations.set(`pipeline.${name}.image_u8`, tensor('u8', [height, width, 3], image.data));
    pictures.set(`images/pipeline_${name}.png`, await encodePng(image));
  }
  return { activations, pictures };
}

/** `safety.*` */
export async function safetyGoldens(
  model: Model,
  weights: Tensors,
  images: readonly RgbImage[],
): Promise<Tensors> {
  const pixels = await clipPreprocess(images, parseClipConfig(featureExtractorFile(model.safety.imageSize)));
  await using checker = await createSafetyChecker({
    executor: interpreter(),
    config: model.safety,
    weights: tensorSource(weights),
    preprocess: async () => pixels,
  });
  const flags = (await checker.judge(pixels)).map(({ flagged }) => Number(flagged));
  return named('safety', {
    clip_input: pixels,
    image_embeds: await checker.embed(pixels),
    flags: tensor('i64', [flags.length], flags),
  });
}

/** `scheduler.*`: every sampler on the analytic model. */
export function schedulerGoldens(model: Model): Tensors {
  const init = noise(model, 'scheduler.init', [1, 4, 3, 5]);
  const out: Tensors = new Map([['scheduler.init', init]]);
  for (const [sampler, counts] of Object.entries(model.recipe.schedulers))
    for (const steps of counts) {
      // As the reference had them: the multistep solver spaces its steps evenly, the others as the file says.
      const file = /^dpmpp2m/.test(sampler)
        ? { ...schedulerFile, timestep_spacing: 'linspace' }
        : schedulerFile;
      const scheduler = schedulerSet(file).named[sampler](steps);
      const samples: number[] = [];
      let sample: Float32Array = init.data.map((x) => x * scheduler.initialSigma);
      let state = scheduler.start();
      scheduler.timesteps.forEach((t, i) => {
        const seen = scheduler.scaleInput(sample, i);
        const output = seen.map((x) => 0.5 * x * Math.cos(t / 1000) + 0.1 * Math.sin(t / 50));
        ({ sample, state } = scheduler.step(i, { sample, output, state }));
        samples.push(...sample);
      });
      const calls = scheduler.timesteps.length;
      out.set(`scheduler.${sampler}.${steps}.timesteps`, tensor('f32', [calls], scheduler.timesteps));
      out.set(`scheduler.${sampler}.${steps}.samples`, tensor('f32', [calls, ...init.shape], samples));
    }
  return out;
}

const named = (prefix: string, tensors: Readonly<Record<string, HostTensor>>): Tensors =>
  new Map(Object.entries(tensors).map(([name, t]) => [`${prefix}.${name}`, t]));
