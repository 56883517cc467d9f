import { readFile } from 'node:fs/promises';
import { tensor } from '@emu-ts/base';
import { graphOf, input, interpret, tensorType } from '@emu-ts/graph';
import { flatten, initialize, paramInputs } from '@emu-ts/params';
import { expectClose, fixture } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import {
  downscaleOf,
  emuVaeConfig,
  parseVaeConfig,
  type VaeConfig,
  vaeDecode,
  vaeEncode,
  vaeParams,
  vaeSample,
} from './index.js';

const reference = JSON.parse(await readFile(fixture('reference', 'emu-14b-tensors.json'), 'utf8'));

it('at the released configuration has the tensors of the reference', () => {
  const weights = flatten(vaeParams(emuVaeConfig));
  expect(Object.fromEntries([...weights].map(([name, { shape }]) => [name, shape]))).toEqual(reference.vae);
});

const released = {
  _class_name: 'AutoencoderKL',
  act_fn: 'silu',
  block_out_channels: [128, 256, 512, 512],
  down_block_types: Array(4).fill('DownEncoderBlock2D'),
  in_channels: 3,
  latent_channels: 4,
  layers_per_block: 2,
  out_channels: 3,
  sample_size: 512,
  up_block_types: Array(4).fill('UpDecoderBlock2D'),
};

describe('vae/config.json', () => {
  it('reads the released file', () => {
    expect(parseVaeConfig(released)).toEqual(emuVaeConfig);
  });

  it.each([
    [{ down_block_types: ['DownEncoderBlock2D'] }, /down_block_types must be 4 times DownEncoderBlock2D/],
    [{ use_quant_conv: false }, /use_quant_conv/],
    [{ shift_factor: 0.1 }, /shift_factor must be null to be supported, got 0.1/],
    [{ block_out_channels: 128 }, /block_out_channels must be a list of integers, got 128/],
  ])('refuses %o', (change, message) => {
    expect(() => parseVaeConfig({ ...released, ...change })).toThrow(message);
  });
});

describe('a small autoencoder', () => {
  const config: VaeConfig = { ...emuVaeConfig, channels: [6, 10, 4], layers: 1, normGroups: 2 };
  const params = vaeParams(config);
  const weights = Object.fromEntries(initialize(params, { seed: 5 }));
  const p = paramInputs(params);

  it('encodes to and decodes from latents of the right size', () => {
    const pixels = input('pixels', tensorType('f32', [2, 3, 8, 16]));
    const { mean, logvar } = vaeEncode(p, pixels, config);
    expect(mean.shape).toEqual([2, 4, 8 / downscaleOf(config), 16 / downscaleOf(config)]);
    expect(logvar.shape).toEqual(mean.shape);
    expect(vaeDecode(p, mean, config).shape).toEqual([2, 3, 8, 16]);
  });

  it('samples at mean + σ · noise, with the variance kept in range', () => {
    const moments = tensorType('f32', [1, 1, 1, 3]);
    const sampled = vaeSample(
      { mean: input('mean', moments), logvar: input('logvar', moments) },
      input('noise', moments),
    );
    const logvar = [0, 2 * Math.log(3), -30];
    const { sample } = interpret(graphOf({ sample: sampled }), {
      mean: tensor('f32', moments.shape, [1, 2, 3]),
      logvar: tensor('f32', moments.shape, logvar),
      noise: tensor('f32', moments.shape, [1, -1, 1000]),
    });
    expectClose('vae sample', sample, tensor('f32', moments.shape, [2, -1, 3 + 1000 * Math.exp(-15)]));
  });

  it('keeps the log variance between −30 and 20', () => {
    const pixels = input('pixels', tensorType('f32', [1, 3, 8, 8]));
    const loud = { ...weights, 'quant_conv.bias': tensor('f32', [8], [0, 0, 0, 0, 1e3, -1e3, 1e3, -1e3]) };
    const graph = graphOf({ logvar: vaeEncode(p, pixels, config).logvar });
    const data = { ...loud, pixels: tensor('f32', pixels.shape) };
    const { logvar } = interpret(
      graph,
      Object.fromEntries(Object.keys(graph.inputs).map((name) => [name, data[name as keyof typeof data]])),
    );
    expect([...new Set(logvar.data)]).toEqual([20, -30]);
  });
});
