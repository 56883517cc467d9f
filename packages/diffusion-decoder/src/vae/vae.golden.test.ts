import { readFile } from 'node:fs/promises';
import { type Executor, graphOf, input } from '@emu-ts/graph';
import { type PlacedParams, paramInputs, placeParams } from '@emu-ts/params';
import { executors, expectClose, goldens } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseVaeConfig, vaeDecode, vaeEncode, vaeParams } from './index.js';

const { config, activations, path, weights } = await goldens();
const vaeConfig = parseVaeConfig(config.vae);

/** Rounded layers in a row: two convolutions per ResNet block, the middle, and the way in and out. */
const depth = 2 * vaeConfig.channels.length * (vaeConfig.layers + 1) + 10;
const terms = 9 * Math.max(...vaeConfig.channels);

it('vae/config.json says what config.json says', async () => {
  const file = await readFile(path('checkpoint', 'vae', 'config.json'), 'utf8');
  expect(parseVaeConfig(JSON.parse(file))).toEqual(vaeConfig);
});

describe.each(executors())('vae on $name', ({ name: on, create }) => {
  let executor: Executor;
  let placed: PlacedParams;
  const p = paramInputs(vaeParams(vaeConfig));

  beforeAll(async () => {
    executor = await create();
    await using file = await weights('vae');
    placed = await placeParams(executor, vaeParams(vaeConfig), file);
  });

  afterAll(async () => {
    placed?.dispose();
    await executor?.dispose();
  });

  it('decodes', async () => {
    const latents = await activations.read('vae.latents');
    const graph = graphOf({ decoded: vaeDecode(p, input('latents', latents), vaeConfig) });
    await using program = await placed.compile(graph);
    using decoded = (await program.run({ latents })).decoded;
    expectClose(`vae.decoded (${on})`, await decoded.read(), await activations.read('vae.decoded'), {
      terms,
      depth,
    });
  });

  it('encodes', async () => {
    const image = await activations.read('vae.image');
    const { mean, logvar } = vaeEncode(p, input('image', image), vaeConfig);
    await using program = await placed.compile(graphOf({ mean, logvar }));
    for (const [name, result] of Object.entries(await program.run({ image }))) {
      using held = result;
      expectClose(`vae.${name} (${on})`, await held.read(), await activations.read(`vae.${name}`), {
        terms,
        depth,
      });
    }
  });
});
