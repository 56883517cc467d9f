import { type Graph, graphOf, input, tensorType } from '@emu-ts/graph';
import { nnKernels } from '@emu-ts/nn/webgpu';
import { paramInputs } from '@emu-ts/params';
import { nullGpu } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';
import { expect, it } from 'vitest';
import { causalTransformer14B, t5CausalTransformer } from './index.js';
import { causalTransformerKernels } from './webgpu.js';

/** What a picture costs a GPU, counted where nothing is computed. */
function graphFor(layers: number): Graph {
  const model = t5CausalTransformer({ ...causalTransformer14B, layers });
  const features = input('features', tensorType('f32', [1, 257, model.inputWidth]));
  return graphOf({ embeddings: model.forward(paramInputs(model.params), features) });
}

it('builds no table of biases for all pairs, and normalises where it sums', async () => {
  await using executor = await webgpu({
    gpu: await nullGpu(),
    kernels: [...causalTransformerKernels, ...nnKernels],
  });
  const plan = executor.plan(graphFor(3));
  expect(plan).not.toMatch(/embedding|by prim\.transpose|by prim\.max/);
  expect(plan.replaceAll(/ \(.*\)/g, '')).toMatchInlineSnapshot(`
    "attention.tokens ×3 by attention.tokens tiles
    attention.tokens ×3 fuses attention.sdpa, prim.transpose ×4
    causal_transformer.attention ×3 by causal_transformer.attention tiles
    causal_transformer.attention ×3 fuses attention.sdpa, prim.transpose ×4
    nn.linear ×13 by nn.linear tiled split
    nn.linear ×6 by nn.linear tiled split
    nn.linear_activated ×3 by nn.linear_activated tiled split
    nn.linear_activated ×3 fuses nn.linear, prim.max
    nn.linear_norm ×9 by nn.linear_norm tiled split subgroups
    nn.linear_norm ×9 fuses nn.linear, nn.rms_norm, prim.add
    nn.rms_norm ×1 by nn.rms_norm row subgroups"
  `);
  const [two, three] = [2, 3].map((layers) => executor.cost(graphFor(layers)));
  expect(three.dispatches - two.dispatches).toBe(22);
  expect(two.copies).toBe(0);
});
