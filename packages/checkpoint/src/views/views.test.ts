import { convert, f32ToBf16, f32ToF16, type HostTensor, tensor, toF64 } from '@emu-ts/base';
import { describe, expect, it } from 'vitest';
import {
  castCheckpoint,
  dataParallel,
  diffusersUnet,
  diffusersVae,
  diffusersVaeBefore018,
  emuInstruct,
  emuPretrain,
  inspect,
  memoryCheckpoint,
  mergeCheckpoints,
  type RenameTable,
  renamed,
  unusedTensors,
} from '../index.js';

/** A checkpoint of these names, each tensor a different number. */
const named = (names: readonly string[], shape: readonly number[] = [1]) =>
  memoryCheckpoint(
    new Map(
      names.map((name, i) => [
        name,
        tensor('f32', shape, new Float32Array(shape.reduce((n, d) => n * d, 1)).fill(i)),
      ]),
    ),
  );
const rename = (names: readonly string[], ...tables: RenameTable[]) => [
  ...renamed(named(names), tables).entries.keys(),
];

const projections = ['q', 'k', 'v', 'o'].map((p) => `layers.0.self_attn.${p}_proj`);
/** The names of the released instruction-tuned file (peft 0.3). */
const instruct = [
  'visual.cls_token',
  'ln_visual.weight',
  'cformer.cformer.block.0.layer.0.SelfAttention.q.weight',
  'decoder.lm.base_model.model.model.embed_tokens.weight',
  ...projections.flatMap((p) =>
    ['weight', 'lora_A.default.weight', 'lora_B.default.weight'].map(
      (w) => `decoder.lm.base_model.model.model.${p}.${w}`,
    ),
  ),
  'decoder.lm.base_model.model.model.layers.0.mlp.up_proj.weight',
  'decoder.lm.base_model.model.lm_head.weight',
  'decoder.lm.base_model.model.stu_regress_head.weight',
];
const pretrain = instruct
  .filter((name) => !name.includes('lora_'))
  .map((name) => name.replace('base_model.model.', ''));

describe('renaming tables of Emu', () => {
  const variants: Record<string, (name: string) => string> = {
    'the released names': (name) => name,
    'peft ≥ 0.7, with .base_layer': (name) => name.replace(/(_proj)\.weight$/, '$1.base_layer.weight'),
    'no adapter name': (name) => name.replace('.default', ''),
    'no peft prefix': (name) => name.replace('base_model.model.', ''),
    'no prefix, no adapter name, .base_layer': (name) =>
      name
        .replace('base_model.model.', '')
        .replace('.default', '')
        .replace(/(_proj)\.weight$/, '$1.base_layer.weight'),
    'data parallel': (name) => `module.${name}`,
  };
  it.each(Object.entries(variants))('instruct: %s', (_, variant) => {
    expect(rename(instruct.map(variant), dataParallel, unusedTensors, emuInstruct)).toEqual(instruct);
  });
  it.each(Object.entries(variants))('pretrain: %s', (_, variant) => {
    const base = instruct.filter((name) => !name.includes('lora_'));
    expect(rename(base.map(variant), dataParallel, unusedTensors, emuPretrain)).toEqual(pretrain);
  });

  it('takes an adapter alone, as peft saves one', () => {
    expect(rename(['base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight'], emuInstruct)).toEqual([
      'decoder.lm.base_model.model.model.layers.3.self_attn.q_proj.lora_A.default.weight',
    ]);
  });

  it('ignores what no model uses, with a note for each', () => {
    const names = [
      'decoder.lm.model.layers.0.self_attn.rotary_emb.inv_freq',
      'decoder.lm.base_model.model.model.layers.1.self_attn.rotary_emb.inv_freq',
      'cformer.cformer.embed_tokens.weight',
      'decoder.lm.model.embed_tokens.weight',
    ];
    const view = renamed(named(names), unusedTensors);
    expect([...view.entries.keys()]).toEqual([names[3]]);
    expect(view.notes.map(({ kind, name }) => [kind, name])).toEqual(
      names.slice(0, 3).map((name) => ['ignored', name]),
    );
  });

  it('leaves names that only look alike', () => {
    const names = [
      'decoder.lm.modelling.weight',
      'x.decoder.lm.model.norm.weight',
      'lora_A.weight',
      'module_.x',
      'decoder.conv_in.weight',
    ];
    expect(rename(names, dataParallel, unusedTensors, emuInstruct)).toEqual(names);
  });
});

describe('renaming tables of diffusers', () => {
  const at = 'decoder.mid_block.attentions.0';
  const before = ['query', 'key', 'value', 'proj_attn'].map((name) => `${at}.${name}.weight`);
  const now = ['to_q', 'to_k', 'to_v', 'to_out.0'].map((name) => `${at}.${name}.weight`);

  it('gives attention of the VAE the names of today, and back', () => {
    const others = [
      `${at}.group_norm.weight`,
      'decoder.mid_block.resnets.0.conv1.weight',
      'quant_conv.weight',
    ];
    expect(rename([...before, ...others], diffusersVae)).toEqual([...now, ...others]);
    expect(rename([...now, ...others], diffusersVae)).toEqual([...now, ...others]);
    expect(rename([...now, ...others], diffusersVaeBefore018)).toEqual([...before, ...others]);
  });

  it('makes linear weights of the 1×1 convolutions of attention, of either name, and no others', async () => {
    const convolutions = named([before[0], now[1], 'quant_conv.weight'], [2, 3, 1, 1]);
    const view = renamed(convolutions, diffusersVae);
    expect([...view.entries].map(([name, { shape }]) => [name, shape])).toEqual([
      [now[0], [2, 3]],
      [now[1], [2, 3]],
      ['quant_conv.weight', [2, 3, 1, 1]],
    ]);
    expect(await view.read(now[1])).toEqual(tensor('f32', [2, 3], [1, 1, 1, 1, 1, 1]));
    expect(view.notes.map(({ kind, name, detail }) => [kind, name, detail])).toEqual([
      ['renamed', before[0], `is "${now[0]}" here`],
      ['reshaped', before[0], '[2,3,1,1] is [2,3] here'],
      ['reshaped', now[1], '[2,3,1,1] is [2,3] here'],
    ]);
  });

  it('makes 1×1 convolutions of the linear projections of the UNet', async () => {
    const name = 'down_blocks.0.attentions.1.proj_in.weight';
    const view = renamed(named([name, 'x.attn1.to_q.weight'], [4, 4]), diffusersUnet);
    expect((await view.read(name)).shape).toEqual([4, 4, 1, 1]);
    expect((await view.read('x.attn1.to_q.weight')).shape).toEqual([4, 4]);
  });
});

describe('views', () => {
  it('say which two tensors would get one name', () => {
    const both = named(['decoder.lm.model.norm.weight', 'decoder.lm.base_model.model.model.norm.weight']);
    expect(() => renamed(both, emuPretrain)).toThrow(
      /"decoder.lm.model.norm.weight" and "decoder.lm.base_model.model.model.norm.weight" both become "decoder.lm.model.norm.weight"/,
    );
  });

  it('stack, and close what they view', async () => {
    let closed = 0;
    const bottom = { ...named(['module.a']), close: async () => void closed++ };
    const view = castCheckpoint(renamed(bottom, dataParallel), 'bf16');
    expect(await view.read('a')).toEqual({ dtype: 'bf16', shape: [1], data: Uint16Array.of(0) });
    await view.close();
    await view.close();
    expect(closed).toBe(1);
  });

  it('merge checkpoints with different names only', async () => {
    const merged = mergeCheckpoints([
      named(['a', 'b']),
      memoryCheckpoint({ c: tensor('u8', [1], [9]) }, { k: 'v' }),
    ]);
    expect([...merged.entries.keys()]).toEqual(['a', 'b', 'c']);
    expect([...(await merged.read('c')).data]).toEqual([9]);
    expect(merged.metadata.get('k')).toBe('v');
    expect(() => mergeCheckpoints([named(['a', 'b']), named(['b'])])).toThrow(
      expect.objectContaining({ code: 'NAME_CLASH' }),
    );
  });
});

describe('castCheckpoint', () => {
  const cast = (source: HostTensor, dtype: 'f64' | 'f32' | 'f16' | 'bf16') =>
    castCheckpoint(memoryCheckpoint({ w: source }), dtype).read('w');
  const infinities = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 0, -0];

  it('rounds floats as base does, at any length, and leaves integers', async () => {
    const values = Float32Array.from({ length: 200_001 }, (_, i) => Math.sin(i) * 100);
    for (const dtype of ['f64', 'f32', 'f16', 'bf16'] as const) {
      const source = tensor('f32', [values.length], values);
      expect(await cast(source, dtype)).toEqual(convert(source, dtype));
    }
    const view = castCheckpoint(
      memoryCheckpoint({ n: tensor('i64', [1], [3]), w: tensor('f16', [2], [1, 2]) }),
      'f32',
    );
    expect([...view.entries.values()]).toEqual([
      { dtype: 'i64', shape: [1], byteLength: 8 },
      { dtype: 'f32', shape: [2], byteLength: 8 },
    ]);
    expect((await view.read('n')).dtype).toBe('i64');
  });

  it('refuses finite values beyond the range, and keeps infinities', async () => {
    const refused: [HostTensor, 'f32' | 'f16' | 'bf16', RegExp][] = [
      [tensor('bf16', [2], [1, 70_000]), 'f16', /holds 70144, which f16 cannot express/],
      [tensor('f32', [1], [-65_520]), 'f16', /holds -65520/],
      [tensor('f64', [1], [1e39]), 'f32', /holds 1e\+39/],
      [tensor('f32', [1], [3.4e38]), 'bf16', /bf16 cannot express/],
    ];
    for (const [source, dtype, message] of refused) {
      await expect(cast(source, dtype)).rejects.toMatchObject({ code: 'OUT_OF_RANGE', message });
    }
    for (const dtype of ['f32', 'f16', 'bf16'] as const) {
      for (const from of ['f64', 'f32', 'f16', 'bf16'] as const) {
        expect([...toF64(await cast(tensor(from, [5], infinities), dtype))]).toEqual(infinities);
      }
    }
    expect((await cast(tensor('f32', [1], [65_504]), 'f16')).data[0]).toBe(f32ToF16(65_504));
    expect((await cast(tensor('f16', [1], [65_504]), 'bf16')).data[0]).toBe(f32ToBf16(65_504));
  });
});

it('inspect counts tensors, parameters and bytes by dtype and prefix', () => {
  const checkpoint = memoryCheckpoint(
    { 'visual.a.w': tensor('f32', [2, 3]), 'visual.b': tensor('bf16', [4]), 'decoder.w': tensor('f32', []) },
    { format: 'pt' },
  );
  expect(inspect(checkpoint)).toEqual({
    format: 'memory',
    tensors: 3,
    parameters: 11,
    bytes: 36,
    dtypes: { f32: { tensors: 2, parameters: 7, bytes: 28 }, bf16: { tensors: 1, parameters: 4, bytes: 8 } },
    prefixes: {
      visual: { tensors: 2, parameters: 10, bytes: 32 },
      decoder: { tensors: 1, parameters: 1, bytes: 4 },
    },
    metadata: { format: 'pt' },
    notes: [],
  });
  expect(Object.keys(inspect(checkpoint, { depth: 2 }).prefixes)).toEqual([
    'visual.a',
    'visual.b',
    'decoder.w',
  ]);
});
