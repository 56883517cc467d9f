import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type HostTensor, sizeOf, tensor } from '@emu-ts/base';
import { fixture, goldens, randomTensors, tolerance } from '@emu-ts/testing';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exportable, exportComponent } from './export.js';

/** Exported files, opened by ONNX Runtime itself at sizes that were not traced, against the goldens. */
const golden = await goldens();
let dir: string;
const sessions = new Map<string, InferenceSession>();

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'emu-export-'));
  for (const component of exportable) {
    const { files } = await exportComponent(
      golden.path('checkpoint'),
      component,
      path.join(dir, `${component}.onnx`),
    );
    sessions.set(component, await InferenceSession.create(files[0]));
  }
}, 120_000);
afterAll(() => rm(dir, { recursive: true }));

async function run(
  component: string,
  inputs: Record<string, HostTensor>,
): Promise<Record<string, HostTensor>> {
  const session = sessions.get(component) as InferenceSession;
  expect([...session.inputNames].sort(), component).toEqual(Object.keys(inputs).sort());
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { data, shape }]) => [
      name,
      new Tensor('float32', Float32Array.from(data as Float32Array), shape),
    ]),
  );
  const outputs = await session.run(feeds);
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data, dims }]) => [
      name,
      tensor('f32', dims, data as Float32Array),
    ]),
  );
}

/** The largest difference as a share of what rounding over `terms` summed numbers and `depth` layers explains. */
function expectNear(
  label: string,
  actual: HostTensor,
  expected: HostTensor,
  terms: number,
  depth: number,
): void {
  expect(actual.shape, label).toEqual(expected.shape);
  const wanted = expected.data as Float32Array;
  const magnitude = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const worst = (actual.data as Float32Array).reduce(
    (most, x, i) => Math.max(most, Math.abs(x - wanted[i])),
    0,
  );
  expect(worst, label).toBeLessThanOrEqual(tolerance({ terms, depth, magnitude }));
}

it('chains from pixels to logits, at a batch that was not traced', async () => {
  const { emu, llama } = golden.config as unknown as Record<
    string,
    Record<string, Record<string, number> & number>
  >;
  const pixels = await golden.activations.read('preprocess.pixels');
  expect(pixels.shape[0]).toBeGreaterThan(3);
  const depth = emu.vision_cfg.layers * 4;
  const { features } = await run('visual-encoder', { pixels });
  expectNear('ln_visual', features, await golden.activations.read('ln_visual'), features.shape[2], depth);
  const { embeddings } = await run('causal-transformer', { features });
  expectNear(
    'cformer.output',
    embeddings,
    await golden.activations.read('cformer.output'),
    features.shape[2],
    2 * depth,
  );

  // Right padding comes after every real position, and attention is causal: real rows do not see it.
  const inputs = await golden.activations.read('train.inputs_embeds');
  const mask = await golden.activations.read('train.attention_mask');
  const { hidden } = await run('language-model', { embeddings: inputs });
  const [b, t, width] = inputs.shape;
  const real = (x: HostTensor) =>
    tensor(
      'f32',
      [sizeOf([b, t]), width],
      (x.data as Float32Array).map((value, i) => (mask.data[Math.floor(i / width)] ? value : 0)),
    );
  expectNear(
    'train.hidden',
    real(hidden),
    real(await golden.activations.read('train.hidden')),
    width,
    llama.num_hidden_layers * 4,
  );
});

it('gives the UNet and the autoencoder as they are', async () => {
  const [latents, context, timesteps] = await Promise.all(
    ['unet.latents', 'unet.context', 'unet.timesteps'].map((name) => golden.activations.read(name)),
  );
  const times = tensor('f32', timesteps.shape, Array.from(timesteps.data as BigInt64Array, Number));
  const { output } = await run('unet', { latents, context, timesteps: times });
  const widest = Math.max(...(golden.config.unet.block_out_channels as number[])) * 9;
  expectNear('unet.output', output, await golden.activations.read('unet.output'), widest, 40);
  const { image } = await run('vae-decoder', { latents: await golden.activations.read('vae.latents') });
  expectNear('vae.decoded', image, await golden.activations.read('vae.decoded'), widest, 40);
});

it('names its axes, and takes any size of them', async () => {
  const head = sessions.get('regression-head') as InferenceSession;
  const [{ shape }] = head.inputMetadata as unknown as { shape: (number | string)[] }[];
  expect(shape[0]).toBe('rows');
  const width = shape[1] as number;
  for (const rows of [1, 4, 9]) {
    const { hidden } = randomTensors({ hidden: { dtype: 'f32', shape: [rows, width] } });
    expect((await run('regression-head', { hidden })).embeddings.shape).toEqual([rows, width]);
  }
});

it('carries no path or name of the machine it was written on', async () => {
  const bytes = await readFile(path.join(dir, 'regression-head.onnx'));
  expect(bytes.includes(path.basename(dir))).toBe(false);
  expect(bytes.includes(fixture())).toBe(false);
});
