import { type Graph, graphOf, input, tensorType } from '@emu-ts/graph';
import { nnKernels } from '@emu-ts/nn/webgpu';
import { paramInputs } from '@emu-ts/params';
import { nullGpu } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';
import { expect, it } from 'vitest';
import { type EvaClipConfig, evaClip, evaClipG14 } from './index.js';
import { visualEncoderKernels } from './webgpu.js';

/**
 * What a picture costs a GPU, counted where nothing is computed. A change that adds a dispatch to a block shows here.
 */
function graphFor(config: EvaClipConfig, pictures = 1): Graph {
  const model = evaClip(config);
  const pixels = input('pixels', tensorType('f32', [pictures, 3, config.imageSize, config.imageSize]));
  return graphOf({ features: model.forward(paramInputs(model.params), pixels) });
}

const withLayers = (layers: number) => graphFor({ ...evaClipG14, layers });

it('takes seven dispatches a block of EVA-CLIP g/14, and two for its patches', async () => {
  await using executor = await webgpu({
    gpu: await nullGpu(),
    kernels: [...visualEncoderKernels, ...nnKernels],
  });
  expect(executor.plan(withLayers(3)).replaceAll(/ \(.*\)/g, '')).toMatchInlineSnapshot(`
    "attention.packed ×3 by attention.packed tiles
    attention.packed ×3 fuses attention.sdpa, prim.slice ×3, prim.transpose ×4
    nn.layer_norm ×1 by nn.layer_norm row subgroups
    nn.linear_activated ×3 by nn.linear_activated tiled
    nn.linear_activated ×3 fuses nn.gelu, nn.linear
    nn.linear_norm ×6 by nn.linear_norm tiled split subgroups
    nn.linear_norm ×6 fuses nn.layer_norm, nn.linear, prim.add
    visual_encoder.patch_embedding ×1 by visual_encoder.patch_embedding tiled split
    visual_encoder.patch_embedding ×1 fuses nn.conv2d, prim.add, prim.concat, prim.transpose
    visual_encoder.qkv ×3 by visual_encoder.qkv tiled
    visual_encoder.qkv ×3 fuses nn.linear, prim.concat"
  `);
  const [two, three] = [2, 3].map((layers) => executor.cost(withLayers(layers)));
  expect(three.dispatches - two.dispatches).toBe(7);
  // Patches, the first norm, and what a block takes.
  expect(two.dispatches).toBe(2 + 1 + 2 * 7);
  expect(two.copies).toBe(0);
});

it('took fifteen where nothing of a block was fused but its linear layers', async () => {
  const unfused = nnKernels.filter(({ op }) => !/linear_norm|residual_norm|packed/.test(op.name));
  await using executor = await webgpu({ gpu: await nullGpu(), kernels: unfused });
  const [two, three] = [2, 3].map((layers) => executor.cost(withLayers(layers)));
  expect(three.dispatches - two.dispatches).toBe(15);
});
