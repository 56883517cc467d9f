import { convert, tensor } from '@emu-ts/base';
import {
  type AnyOp,
  gradients,
  graphOf,
  input,
  interpret,
  mul,
  sum,
  type TensorType,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import { nnKernels } from '@emu-ts/nn/webgpu';
import { paramInputs } from '@emu-ts/params';
import {
  describeGpu,
  expectClose,
  randomTensors,
  validatedDispatches,
  withMatrixUnits,
} from '@emu-ts/testing';
import { type AnyKernel, type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { describe, expect, it } from 'vitest';
import { evaClip } from './index.js';
import { visualEncoderKernels, visualEncoderRoundedKernels } from './webgpu.js';

/** Every kernel alone against the interpreter, on the shapes it claims, and the model with all of them. */
type Types = Readonly<Record<string, TensorType>>;
interface Case {
  readonly name: string;
  readonly inputs: Types;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly terms: number;
}

const f32 = (...shape: number[]) => tensorType('f32', shape);

const patches = (
  name: string,
  [b, channels, h, w]: number[],
  [c, kh, kw]: number[],
  strides: number[],
  padding: number[],
): Case => {
  const count = (size: number, kernel: number, stride: number) => Math.floor((size - kernel) / stride) + 1;
  const [top, left, bottom, right] = padding;
  const tokens = 1 + count(h + top + bottom, kh, strides[0]) * count(w + left + right, kw, strides[1]);
  return {
    name,
    inputs: {
      x: f32(b, channels, h, w),
      weight: f32(c, channels, kh, kw),
      bias: f32(c),
      whole: f32(1, 1, c),
      positions: f32(1, tokens, c),
    },
    attrs: { strides, padding },
    terms: channels * kh * kw,
  };
};

const qkv = (rows: number, k: number, c: number): Case => ({
  name: `${rows} rows of ${k}, ${c} each`,
  inputs: { x: f32(1, rows, k), weight: f32(3 * c, k), qBias: f32(c), vBias: f32(c) },
  attrs: {},
  terms: k,
});

const suites: Readonly<Record<string, readonly Case[]>> = {
  'visual_encoder.patch_embedding': [
    patches('patches of 4 × 4', [2, 3, 12, 12], [20, 4, 4], [4, 4], [0, 0, 0, 0]),
    patches('patches of 5 × 3, cut at the edge', [2, 3, 17, 13], [66, 5, 3], [5, 3], [0, 0, 0, 0]),
    patches('overlapping, padded', [1, 2, 9, 10], [9, 3, 3], [2, 2], [1, 2, 1, 0]),
    patches('large patches, split', [1, 3, 42, 42], [33, 14, 14], [14, 14], [0, 0, 0, 0]),
  ],
  'visual_encoder.qkv': [qkv(3, 20, 12), qkv(19, 33, 10), qkv(70, 1100, 22), qkv(9, 16, 64)],
};

const symbols = (types: Types) =>
  Object.fromEntries(Object.entries(types).map(([name, type]) => [name, input(name, type)]));

const claims = (kernel: AnyKernel, y: Value, { capabilities }: WebGpuExecutor) =>
  kernel.supports?.({ ...y.node.inputs, ...y.node.outputs }, y.node.attrs, capabilities) ?? true;

describeGpu.each(visualEncoderKernels.map((kernel) => [kernel.name, kernel] as const))('%s', (_, kernel) => {
  it('equals the interpreter', async () => {
    await using gpu = await webgpu({ kernels: [kernel] });
    for (const { name, inputs, attrs, terms } of suites[kernel.op.name]) {
      const { y } = (kernel.op as AnyOp)(symbols(inputs), attrs) as Record<string, Value>;
      if (claims(kernel, y, gpu) !== true) continue;
      const graph = graphOf({ y });
      expect(gpu.plan(graph)).toBe(`${kernel.op.name} ×1 by ${kernel.name}`);
      const tensors = Object.fromEntries(
        Object.entries(randomTensors(inputs)).map(([operand, drawn]) => [operand, convert(drawn, 'f32')]),
      );
      await using program = await gpu.compile(graph);
      const results = await program.run(tensors);
      using found = results.y;
      expectClose(`${kernel.name} ${name}`, await found.read(), interpret(graph, tensors).y, { terms });
    }
  });
});

describeGpu.each(visualEncoderRoundedKernels.map((kernel) => [kernel.name, kernel] as const))(
  '%s',
  (_, kernel) => {
    it('equals the interpreter from halves', async () => {
      await using plain = await webgpu();
      await using gpu = await webgpu({ device: withMatrixUnits(plain.device), kernels: [kernel] });
      const { inputs, attrs, terms } = suites[kernel.op.name].findLast(({ inputs, attrs }) => {
        const { y } = (kernel.op as AnyOp)(symbols(inputs), attrs) as Record<string, Value>;
        return claims(kernel, y, gpu) === true;
      })!;
      const graph = graphOf((kernel.op as AnyOp)(symbols(inputs), attrs) as Record<string, Value>);
      const tensors = Object.fromEntries(
        Object.entries(randomTensors(inputs)).map(([operand, drawn]) => [
          operand,
          convert(convert(drawn, 'f16'), 'f32'),
        ]),
      );
      await using program = await gpu.compile(graph);
      expect(program.plan()).toContain(`by ${kernel.name}`);
      using found = (await program.run(tensors)).y;
      expectClose(`${kernel.name}`, await found.read(), interpret(graph, tensors).y, { terms });
    });
  },
);

describe('on the null backend', () => {
  it.each(
    [...visualEncoderKernels, ...visualEncoderRoundedKernels].map((kernel) => [kernel.name, kernel] as const),
  )('%s validates', async (_, kernel) => {
    expect(await validatedDispatches(kernel, suites[kernel.op.name])).toBeGreaterThan(0);
  });
});

describeGpu('the encoder', () => {
  const config = {
    imageSize: 15,
    patchSize: 5,
    width: 60,
    layers: 2,
    heads: 6,
    mlpWidth: 65,
    embedDim: 8,
    normEps: 1e-6,
  };
  const model = evaClip(config);
  const p = paramInputs(model.params);
  const features = model.forward(p, input('pixels', f32(2, 3, 15, 15)));
  const seed = input('seed', features);
  const [weight, position, bias] = gradients(sum(mul(features, seed), [0, 1, 2]), [
    p.visual.patch_embed.proj.weight,
    p.visual.pos_embed,
    p.visual.blocks[0].attn.q_bias,
  ]);

  it.each([
    ['of features', { features }],
    ['of gradients', { weight, position, bias }],
  ] as const)('equals the interpreter on graphs %s', async (_, outputs) => {
    await using gpu = await webgpu({ kernels: [...visualEncoderKernels, ...nnKernels] });
    const graph = graphOf(outputs);
    const tensors = Object.fromEntries(
      Object.entries(randomTensors(graph.inputs)).map(([name, { shape, data }]) => {
        // As small as trained weights are, so that attention is not a choice of one.
        const scale = name.startsWith('visual.blocks') ? 0.2 : 1;
        return [
          name,
          tensor(
            'f32',
            shape,
            Array.from(data as Float64Array, (value) => value * scale),
          ),
        ];
      }),
    );
    const plan = gpu.plan(graph);
    expect(plan).toContain('visual_encoder.patch_embedding ×1 by');
    expect(plan).toContain('visual_encoder.qkv ×2 by');
    const expected = interpret(graph, tensors);
    await using program = await gpu.compile(graph);
    for (const [name, result] of Object.entries(await program.run(tensors))) {
      using held = result;
      expectClose(name, await held.read(), expected[name], { terms: 75, depth: 40 });
    }
  });
});
