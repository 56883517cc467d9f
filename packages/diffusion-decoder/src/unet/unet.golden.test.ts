import { readFile } from 'node:fs/promises';
import type { HostTensor } from '@emu-ts/base';
import { toF64 } from '@emu-ts/base';
import { type Executor, graphOf, input, type Value } from '@emu-ts/graph';
import { type PlacedParams, paramInputs, placeParams } from '@emu-ts/params';
import { executors, expectClose, goldens } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  contextKeysValues,
  encodeTimesteps,
  mapContext,
  namedContext,
  parseUnetConfig,
  unet,
  unetParams,
} from './index.js';

const { config, activations, path, weights } = await goldens();
const unetConfig = parseUnetConfig(config.unet);
const names = activations.names.filter((name) => /^unet\.(?!latents|timesteps|context)/.test(name));

/** Rounded layers in a row: two convolutions per ResNet block and about four products per transformer. */
const depth = unetConfig.levels.reduce(
  (n, { layers, transformerLayers }) => n + 4 * layers * (1 + transformerLayers),
  4,
);
const terms = 9 * Math.max(...unetConfig.levels.map(({ channels }) => channels));

it('unet/config.json says what config.json says', async () => {
  const file = await readFile(path('checkpoint', 'unet', 'config.json'), 'utf8');
  expect(parseUnetConfig(JSON.parse(file))).toEqual(unetConfig);
});

describe.each(executors())('unet on $name', ({ name: on, create }) => {
  let executor: Executor;
  let placed: PlacedParams;
  const p = paramInputs(unetParams(unetConfig));
  const inputs: Record<string, HostTensor> = {};

  beforeAll(async () => {
    executor = await create();
    await using checkpoint = await weights('unet');
    placed = await placeParams(executor, unetParams(unetConfig), checkpoint);
    inputs.latents = await activations.read('unet.latents');
    inputs.context = await activations.read('unet.context');
    inputs.encoding = encodeTimesteps(
      Array.from(toF64(await activations.read('unet.timesteps'))),
      unetConfig,
    );
  });

  afterAll(async () => {
    placed?.dispose();
    await executor?.dispose();
  });

  const run = async (outputs: Record<string, Value>, given: Record<string, HostTensor>) => {
    await using program = await placed.compile(graphOf(outputs));
    const wanted = Object.fromEntries(Object.keys(program.inputs).map((name) => [name, given[name]]));
    const results: Record<string, HostTensor> = {};
    for (const [name, result] of Object.entries(await program.run(wanted))) {
      using held = result;
      results[name] = await held.read();
    }
    return results;
  };

  const symbol = (name: string) => input(name, inputs[name]);

  it('every map of a batch', async () => {
    const { output, maps } = unet(
      p,
      { latents: symbol('latents'), timesteps: symbol('encoding'), context: symbol('context') },
      unetConfig,
    );
    const results = await run({ output, ...maps }, inputs);
    for (const name of names) {
      expectClose(`${name} (${on})`, results[name.slice('unet.'.length)], await activations.read(name), {
        terms,
        depth,
      });
    }
  });

  it('with keys and values computed once', async () => {
    const keysValues = contextKeysValues(p, symbol('context'), unetConfig);
    const once = await run(namedContext(keysValues), inputs);
    const context = mapContext(keysValues, (name, type) => input(name, type));
    const { output } = unet(
      p,
      { latents: symbol('latents'), timesteps: symbol('encoding'), context },
      unetConfig,
    );
    const results = await run({ output }, { ...inputs, ...once });
    expectClose(
      `unet.output, keys and values once (${on})`,
      results.output,
      await activations.read('unet.output'),
      {
        terms,
        depth,
      },
    );
  });
});
