import { readFile } from 'node:fs/promises';
import { type HostTensor, tensor } from '@emu-ts/base';
import { graphOf, input, interpret, tensorType } from '@emu-ts/graph';
import { countParams, flatten, initialize, paramInputs } from '@emu-ts/params';
import { expectClose, fixture } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import {
  contextKeysValues,
  emuUnetConfig,
  encodeTimesteps,
  mapContext,
  namedContext,
  parseUnetConfig,
  timestepEncoding,
  type UnetConfig,
  unet,
  unetParams,
} from './index.js';

const reference = JSON.parse(await readFile(fixture('reference', 'emu-14b-tensors.json'), 'utf8'));

const shapes = (config: UnetConfig) =>
  Object.fromEntries([...flatten(unetParams(config))].map(([name, { shape }]) => [name, shape]));

describe('the released configuration', () => {
  it('has the tensors of the reference, name by name and shape by shape', () => {
    expect(shapes(emuUnetConfig)).toEqual(reference.unet);
  });

  it('has 968,146,884 parameters', () => {
    expect(countParams(unetParams(emuUnetConfig))).toBe(968_146_884);
  });
});

const released = {
  _class_name: 'UNet2DConditionModel',
  act_fn: 'silu',
  attention_head_dim: 8,
  block_out_channels: [320, 640, 1280, 1280],
  center_input_sample: false,
  cross_attention_dim: 5120,
  down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
  downsample_padding: 1,
  flip_sin_to_cos: true,
  freq_shift: 0,
  in_channels: 4,
  layers_per_block: 2,
  mid_block_scale_factor: 1,
  norm_eps: 1e-5,
  norm_num_groups: 32,
  out_channels: 4,
  sample_size: 64,
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
};

describe('unet/config.json', () => {
  it('reads the released file', () => {
    expect(parseUnetConfig(released)).toEqual(emuUnetConfig);
  });

  it('takes attention_head_dim for the number of heads unless num_attention_heads is given', () => {
    const heads = (change: object) =>
      parseUnetConfig({ ...released, ...change }).levels.map((level) => level.heads);
    expect(heads({ attention_head_dim: [5, 10, 20, 20] })).toEqual([5, 10, 20, 20]);
    expect(heads({ attention_head_dim: 64, num_attention_heads: [5, 10, 20, 20] })).toEqual([5, 10, 20, 20]);
    expect(heads({ attention_head_dim: 16, num_attention_heads: null })).toEqual([16, 16, 16, 16]);
  });

  it.each([
    [{ act_fn: 'gelu' }, /unet\/config.json: act_fn must be "silu" or "swish" to be supported, got "gelu"/],
    [{ down_block_types: ['DownBlock2D'] }, /down_block_types must be a list of 4/],
    [
      { up_block_types: ['UpBlock2D', 'UpBlock2D', 'UpBlock2D', 'AttnUpBlock2D'] },
      /up_block_types must be made of/,
    ],
    [{ mid_block_type: 'UNetMidBlock2DSimpleCrossAttn' }, /mid_block_type/],
    [{ class_embed_type: 'timestep' }, /class_embed_type/],
    [{ addition_embed_type: 'text_time' }, /addition_embed_type/],
    [{ resnet_time_scale_shift: 'scale_shift' }, /resnet_time_scale_shift/],
    [{ layers_per_block: [2, 2] }, /layers_per_block must be an integer or a list of 4, got \[2,2\]/],
    [{ transformer_layers_per_block: [1, 1, 1, [1]] }, /transformer_layers_per_block/],
    [{ norm_eps: 'small' }, /norm_eps must be a number/],
  ])('refuses %o', (change, message) => {
    expect(() => parseUnetConfig({ ...released, ...change })).toThrow(message);
  });
});

describe('timestep encoding', () => {
  it.each([
    [{ flipSinToCos: true, freqShift: 0 }, 16],
    [{ flipSinToCos: false, freqShift: 1 }, 15],
  ])('is the same on the host and in a graph: %o, width %i', (options, channels) => {
    const timesteps = [0, 1, 17, 981, 999.5];
    const config = { ...options, levels: [{ ...emuUnetConfig.levels[0], channels }] };
    const { encoding } = interpret(
      graphOf({ encoding: timestepEncoding(input('t', tensorType('f32', [timesteps.length])), config) }),
      { t: tensor('f32', [timesteps.length], timesteps) },
    );
    // The phase is as large as the timestep and rounded once on the host.
    expectClose('timestep encoding', encodeTimesteps(timesteps, config), encoding, { magnitude: 1000 });
  });
});

/** Small, and uneven in every way that a configuration can be. */
const small: UnetConfig = {
  ...emuUnetConfig,
  levels: [
    { channels: 6, layers: 1, heads: 2, transformerLayers: 2, contextWidth: 5 },
    { channels: 10, layers: 2, heads: 3, transformerLayers: 1, contextWidth: 5 },
    { channels: 4, layers: 1, heads: 1, transformerLayers: 1, contextWidth: 5 },
  ],
  downAttention: [true, true, false],
  upAttention: [false, true, true],
  normGroups: 2,
  timeWidth: 7,
};

function run(config: UnetConfig, height: number, width: number, split = false): HostTensor {
  const p = paramInputs(unetParams(config));
  const latents = input('latents', tensorType('f32', [2, 4, height, width]));
  const timesteps = input('timesteps', tensorType('f32', [2]));
  const contextType = tensorType('f32', [2, 3, config.encoderHidWidth ?? 5]);
  const context = input('context', contextType);
  const weights = Object.fromEntries(initialize(unetParams(config), { seed: 3 }));
  const data = {
    ...weights,
    latents: tensor('f32', latents.shape, pattern(2 * 4 * height * width)),
    timesteps: tensor('f32', [2], [981, 1]),
    context: tensor('f32', contextType.shape, pattern(2 * 3 * contextType.shape[2])),
  };
  const needed = (graph: ReturnType<typeof graphOf>, from: Record<string, HostTensor>) =>
    interpret(graph, Object.fromEntries(Object.keys(graph.inputs).map((name) => [name, from[name]])));
  const keysValues = contextKeysValues(p, context, config);
  if (!split) {
    return needed(graphOf({ output: unet(p, { latents, timesteps, context }, config).output }), data).output;
  }
  const once = needed(graphOf(namedContext(keysValues)), data);
  const inputs = mapContext(keysValues, (name, type) => input(name, type));
  const graph = graphOf({ output: unet(p, { latents, timesteps, context: inputs }, config).output });
  expect(Object.keys(graph.inputs).some((name) => /attn2\.to_[kv]|^context$/.test(name))).toBe(false);
  return needed(graph, { ...data, ...once }).output;
}

const pattern = (length: number): number[] => Array.from({ length }, (_, i) => Math.sin(i * 1.7) * 1.3);

describe('unet', () => {
  it.each([
    ['convolutions around the transformers', small],
    ['linear layers around them', { ...small, linearProjection: true }],
    ['a projected condition', { ...small, encoderHidWidth: 3 }],
    ['wider kernels, centred input', { ...small, convInKernel: 5, convOutKernel: 1, centerInput: true }],
  ])('gives the same with keys and values computed once: %s', (_, config) => {
    const whole = run(config, 8, 4);
    expect(whole.shape).toEqual([2, 4, 8, 4]);
    expectClose('unet split', run(config, 8, 4, true), whole, { dtype: 'f64', terms: 1 });
  });

  it.each([
    [8, 8],
    [7, 5],
    [9, 6],
  ])('takes %i × %i latents', (height, width) => {
    expect(run(small, height, width).shape).toEqual([2, 4, height, width]);
  });

  it('projections as linear layers are the 1 × 1 convolutions', () => {
    const convolved = run(small, 4, 4);
    const linear = run({ ...small, linearProjection: true }, 4, 4);
    // Both draw the same numbers by name: weights [o i 1 1] and [o i] hold them in the same order.
    expectClose('projections', linear, convolved, { dtype: 'f64', terms: 100 });
  });
});
