import { convert, tensor } from '@emu-ts/base';
import { type AnyOp, gradients, graphOf, input, interpret, mul, sum, type Value } from '@emu-ts/graph';
import { nnKernels } from '@emu-ts/nn/webgpu';
import { paramInputs } from '@emu-ts/params';
import { describeGpu, expectClose, randomTensors, validatedDispatches } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';
import { describe, expect, it } from 'vitest';
import { evaClip } from './index.js';
import { claims, f32, suites, symbols } from './kernel-cases.js';
import { visualEncoderKernels, visualEncoderRoundedKernels } from './webgpu.js';

/** Every kernel alone against the interpreter, on the shapes it claims, and the model with all of them. */
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
