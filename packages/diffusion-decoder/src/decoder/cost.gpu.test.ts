import { nnKernels } from '@emu-ts/nn/webgpu';
import { nullGpu } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';
import { expect, it } from 'vitest';
import { emuUnetConfig } from '../unet/index.js';
import { diffusionDecoderKernels } from '../webgpu.js';
import { denoiseDonation, denoiseGraph } from './graphs.js';

/**
 * What a denoising step of Emu's UNet with guidance costs a GPU at 512 × 512 pixels, counted by planning alone. A change that
 * writes a map between two layers again shows here.
 */
it('denoises with so many dispatches and bytes', async () => {
  await using executor = await webgpu({
    gpu: await nullGpu(),
    kernels: [...diffusionDecoderKernels, ...nnKernels],
  });
  const shape = { batch: 1, guided: true, rows: 32, height: 64, width: 64, slots: 6 };
  const graph = denoiseGraph(emuUnetConfig, shape);
  const fused = executor
    .plan(graph)
    .split('\n')
    .filter((line) => line.includes(' fuses '));
  const { dispatches, copies, read, written } = executor.cost(graph, { donate: denoiseDonation });
  expect(fused.join('\n')).toMatchInlineSnapshot(`
    "attention.tokens ×16 fuses attention.sdpa, prim.transpose ×2
    attention.tokens ×16 fuses attention.sdpa, prim.transpose ×4
    nn.conv2d_fused ×1 fuses nn.conv2d, nn.group_norm, nn.silu
    nn.conv2d_fused ×12 fuses nn.conv2d
    nn.conv2d_fused ×16 fuses nn.conv2d, nn.group_norm, prim.transpose
    nn.conv2d_fused ×16 fuses nn.conv2d, prim.add, prim.transpose
    nn.conv2d_fused ×3 fuses nn.conv2d, nn.upsample_nearest
    nn.conv2d_fused ×44 fuses nn.conv2d, nn.group_norm, nn.silu, prim.add
    nn.linear_activated ×2 fuses nn.linear, nn.silu
    nn.linear_activated ×46 fuses nn.linear, prim.add
    nn.linear_gated ×16 fuses nn.gelu, nn.linear, prim.mul, prim.slice ×2
    nn.linear_norm ×2 fuses nn.layer_norm, nn.linear, prim.add"
  `);
  expect({ dispatches, copies }).toMatchInlineSnapshot(`
    {
      "copies": 0,
      "dispatches": 480,
    }
  `);
  expect({
    read: `${Math.round(read / 2 ** 20)} MiB`,
    written: `${Math.round(written / 2 ** 20)} MiB`,
  }).toMatchInlineSnapshot(`
    {
      "read": "6263 MiB",
      "written": "1976 MiB",
    }
  `);
});
