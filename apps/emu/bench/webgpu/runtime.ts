import { tensor } from '@emu-ts/base';
import { exp, graphOf, input, matmul, tensorType } from '@emu-ts/graph';
import { softmax } from '@emu-ts/nn';
import { nnKernels } from '@emu-ts/nn/webgpu';
import { nullGpu } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';

/** B12: what the host pays. */
const matrix = tensorType('f32', [4, 4]);
const rounds = 60;

/**
 * Microseconds of a dispatch between the call of `run` and the last submit, on a GPU that computes nothing; and of the same
 * calls made by hand. The fastest of many runs: what remains is the work itself.
 */
export async function encodeCost(count: number): Promise<{ own: number; bare: number }> {
  await using executor = await webgpu({ gpu: await nullGpu() });
  const weights = Array.from({ length: 50 }, (_, i) => input(`w${i}`, matrix));
  let x = input('x', matrix);
  for (let i = 0; i < count; i++) x = i % 2 ? exp(x) : matmul(x, weights[i % weights.length]);
  await using program = await executor.compile(graphOf({ x }), {
    weights: Object.fromEntries(weights.map((_, i) => [`w${i}`, tensor('f32', [4, 4])])),
  });
  const given = await executor.upload(tensor('f32', [4, 4]));
  let own = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const results = await program.run({ x: given });
    own = Math.min(own, (1e3 * (performance.now() - start)) / program.dispatches);
    results.x.dispose();
  }
  return { own, bare: await bareCost(executor.device, count) };
}

const COMPUTE = 4;
const STORAGE = 0x80;

async function bareCost(device: GPUDevice, count: number): Promise<number> {
  const layout = device.createBindGroupLayout({
    entries: [{ binding: 0, visibility: COMPUTE, buffer: { type: 'storage' } }],
  });
  const buffer = device.createBuffer({ size: 64, usage: STORAGE });
  const group = device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer } }] });
  const pipeline = await device.createComputePipelineAsync({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code: '@compute @workgroup_size(1) fn main() {}' }) },
  });
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < count; i++) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(1, 1, 1);
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
    best = Math.min(best, (1e3 * (performance.now() - start)) / count);
  }
  buffer.destroy();
  return best;
}

/** Milliseconds from nothing to the first result, Dawn already loaded. */
export async function coldStart(): Promise<number> {
  const start = performance.now();
  await using executor = await webgpu({ kernels: nnKernels });
  await using program = await executor.compile(graphOf({ y: softmax(input('x', matrix)) }));
  const { y } = await program.run({ x: tensor('f32', [4, 4]) });
  await y.read();
  return performance.now() - start;
}

/** GB/s of an upload into fresh memory. */
export async function uploadRate(bytes: number): Promise<number> {
  await using executor = await webgpu({ poolBytes: 0 });
  const host = tensor('f32', [bytes / 4]);
  const start = performance.now();
  const placed = await executor.upload(host);
  await executor.device.queue.onSubmittedWorkDone();
  const rate = bytes / 1e6 / (performance.now() - start);
  placed.dispose();
  return rate;
}
