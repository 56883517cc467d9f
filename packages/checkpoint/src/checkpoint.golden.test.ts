/** The released layout as the goldens have it: every file opens, and holds the values the reference computed with. */
import { readFileSync } from 'node:fs';
import { byteSize, type HostTensor, type TypedArray, toF64 } from '@emu-ts/base';
import { expectClose, goldens } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Checkpoint,
  diffusersUnet,
  diffusersVae,
  emuInstruct,
  emuPretrain,
  encodeSafetensors,
  openCheckpoint,
  type RenameTable,
  renamed,
  unusedTensors,
} from './index.js';

const { path } = await goldens();
const config = JSON.parse(readFileSync(path('config.json'), 'utf8'));
const files = {
  pretrain: path('checkpoint', 'multimodal_encoder'),
  unet: path('checkpoint', 'unet'),
  vae: path('checkpoint', 'vae'),
  safety: path('checkpoint', 'safety_checker'),
  instruct: path('emu-instruct.pt'),
};
/** From the names of whatever wrote a file to the released ones. */
const tables = {
  pretrain: [unusedTensors, emuPretrain],
  instruct: [unusedTensors, emuInstruct],
  unet: [unusedTensors, diffusersUnet],
  vae: [unusedTensors, diffusersVae],
  safety: [],
} satisfies Record<keyof typeof files, readonly RenameTable[]>;
type Name = keyof typeof files;
const names = Object.keys(files) as Name[];

const open = {} as Record<Name, Checkpoint>;
beforeAll(async () => {
  for (const name of names) open[name] = await openCheckpoint(files[name]);
});
afterAll(() => Promise.all(Object.values(open).map((checkpoint) => checkpoint.close())));

const named = (name: Name) => renamed(open[name], tables[name]);
const shape = (name: Name, tensor: string) => named(name).entries.get(tensor)?.shape;
const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray) =>
  new Uint8Array(buffer, byteOffset, byteLength);
const numbers = async (checkpoint: Checkpoint, name: string) => toF64(await checkpoint.read(name));

describe('the files of the released layout', () => {
  it.each(names)('%s: every tensor reads, finite and of its announced size', async (name) => {
    expect(open[name].entries.size).toBeGreaterThan(0);
    for (const [tensor, info] of open[name].entries) {
      const { dtype, shape, data } = await open[name].read(tensor);
      expect([dtype, shape], tensor).toEqual([info.dtype, info.shape]);
      expect(data.length * byteSize(dtype), tensor).toBe(info.byteLength);
      expect(toF64({ dtype, shape, data }).every(Number.isFinite), tensor).toBe(true);
    }
  });

  it.each(names)('%s: is opened as declared only when declared and stored types agree', async (name) => {
    const mislabelled = open[name].notes.some(({ kind }) => kind === 'retyped');
    const opening = openCheckpoint(files[name], { retypeBySize: false }).then(async (checkpoint) => {
      await checkpoint.close();
      return 'opened';
    });
    await expect(opening.catch((error) => error.code)).resolves.toBe(
      mislabelled ? 'CORRUPT_CHECKPOINT' : 'opened',
    );
  });

  it.each(names)('%s: survives conversion to safetensors bit for bit', async (name) => {
    const tensors = new Map<string, HostTensor>();
    for (const tensor of open[name].entries.keys()) tensors.set(tensor, await open[name].read(tensor));
    const copy = await openCheckpoint(encodeSafetensors(tensors));
    for (const [tensor, value] of tensors) {
      const { dtype, shape, data } = await copy.read(tensor);
      expect([dtype, shape], tensor).toEqual([value.dtype, value.shape]);
      expect(Buffer.compare(bytesOf(data), bytesOf(value.data)), tensor).toBe(0);
    }
  });
});

describe('names and shapes', () => {
  it('have the sizes of the configuration', () => {
    const { vision_cfg: vision, vladapter_cfg: adapter } = config.emu;
    const { hidden_size: hidden } = config.llama;
    const tokens = (vision.image_size / vision.patch_size) ** 2 + 1;
    for (const [name, prefix] of [
      ['pretrain', 'decoder.lm.'],
      ['instruct', 'decoder.lm.base_model.model.'],
    ] as const) {
      expect(shape(name, 'visual.pos_embed')).toEqual([1, tokens, vision.width]);
      expect(shape(name, 'visual.patch_embed.proj.weight')).toEqual([
        vision.width,
        3,
        vision.patch_size,
        vision.patch_size,
      ]);
      expect(shape(name, 'cformer.causal_tokens')).toEqual([1, adapter.n_causal, config.t5.d_model]);
      expect(shape(name, 'cformer.projection.weight')).toEqual([hidden, config.t5.d_model]);
      expect(shape(name, `${prefix}stu_regress_head.weight`)).toEqual([hidden, hidden]);
      expect(shape(name, `${prefix}lm_head.weight`)![1]).toBe(hidden);
    }
    const q = 'decoder.lm.base_model.model.model.layers.0.self_attn.q_proj';
    expect(shape('instruct', `${q}.lora_A.default.weight`)).toEqual([config.lora.r, hidden]);
    expect(shape('instruct', `${q}.lora_B.default.weight`)).toEqual([hidden, config.lora.r]);
    expect(shape('unet', 'conv_in.weight')).toEqual([
      config.unet.block_out_channels[0],
      config.unet.in_channels,
      3,
      3,
    ]);
    expect(shape('vae', 'decoder.conv_in.weight')![1]).toBe(config.vae.latent_channels);
  });

  it('agree with the gradients of the reference, parameter by parameter', async () => {
    await using grads = await openCheckpoint(path('grads.safetensors'));
    expect(grads.entries.size).toBeGreaterThan(0);
    for (const [name, { shape: wanted }] of grads.entries)
      expect(shape('pretrain', name), name).toEqual(wanted);
  });

  it.each(names)(
    '%s: the tables drop what is unused alone, and find nothing more to rename after themselves',
    (name) => {
      const view = named(name);
      const unused = [...open[name].entries.keys()].filter((tensor) =>
        /inv_freq$|^cformer\.cformer\.embed_tokens\.weight$/.test(tensor),
      );
      expect(view.entries.size).toBe(open[name].entries.size - unused.length);
      const twice = renamed(view, tables[name]);
      expect([...twice.entries]).toEqual([...view.entries]);
    },
  );
});

it('the weights are those the reference computed with: its LayerNorm after the encoder', async () => {
  await using activations = await openCheckpoint(path('activations.safetensors'));
  const x = await numbers(activations, 'visual.features');
  const weight = await numbers(named('pretrain'), 'ln_visual.weight');
  const bias = await numbers(named('pretrain'), 'ln_visual.bias');
  const width = weight.length;
  expect(width).toBe(config.emu.vision_cfg.width);
  const data = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += width) {
    const values = x.subarray(row, row + width);
    const mean = values.reduce((sum, v) => sum + v, 0) / width;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / width;
    for (let i = 0; i < width; i++) {
      data[row + i] = ((values[i] - mean) / Math.sqrt(variance + 1e-6)) * weight[i] + bias[i];
    }
  }
  const wanted = await activations.read('ln_visual');
  expectClose('checkpoint: ln_visual', { dtype: 'f64', shape: wanted.shape, data }, wanted, { terms: width });
});
