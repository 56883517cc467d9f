import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { allocate, byteSize, type DType, f32ToF16, type HostTensor, random, sizeOf } from '@emu-ts/base';
import { expand, type Graph, type TensorType } from '@emu-ts/graph';
import { exportOnnx, nativeLowerings, onnxModel } from '@emu-ts/onnx';
import type { WebGpuExecutor } from '@emu-ts/webgpu';
import * as ort from 'onnxruntime-node';

/** A case on the GPU: what it took, and what it did in that time. */
export interface Measured {
  /** From the call until the result is in host memory, in milliseconds. Median. */
  readonly wall: number;
  /** The dispatches alone, by the GPU's own clock; undefined where it has none. */
  readonly gpu: number | undefined;
  readonly dispatches: number;
}

const seconds = 1;
const leastRounds = 3;

/** Repeats until a second has passed, after one round to warm up. Median milliseconds. */
export async function median(action: () => Promise<unknown>): Promise<number> {
  await action();
  const times: number[] = [];
  const end = performance.now() + 1e3 * seconds;
  do {
    const start = performance.now();
    await action();
    times.push(performance.now() - start);
  } while (times.length < leastRounds || performance.now() < end);
  return times.sort((a, b) => a - b)[times.length >> 1];
}

export const isWeight = (name: string): boolean => name.startsWith('w.');

/** Throws where the result is not made of numbers. */
export async function measure(executor: WebGpuExecutor, graph: Graph): Promise<Measured> {
  const tensors = drawn(graph.inputs);
  const given = Object.fromEntries(Object.entries(tensors).filter(([name]) => !isWeight(name)));
  const weights = Object.fromEntries(Object.entries(tensors).filter(([name]) => isWeight(name)));
  await using program = await executor.compile(graph, { weights });
  const run = async () => {
    for (const result of Object.values(await program.run(given))) {
      const { data } = await result.read();
      result.dispose();
      if (!Number.isFinite(Number(data[data.length >> 1]))) throw new Error('The result is not finite.');
    }
  };
  const wall = await median(run);
  const profile = executor.capabilities.timestamps ? await program.profile(given) : undefined;
  const nanoseconds = profile?.entries.reduce((sum, entry) => sum + entry.nanoseconds, 0);
  return { wall, gpu: nanoseconds && nanoseconds / 1e6, dispatches: program.dispatches };
}

/** ONNX Runtime's WebGPU provider on the same graph, to host memory as well; or why not. */
export async function measureOrt(graph: Graph): Promise<number | string> {
  const backends =
    (ort as { listSupportedBackends?: () => { name: string }[] }).listSupportedBackends?.() ?? [];
  if (!backends.some(({ name }) => name === 'webgpu')) return 'this onnxruntime-node has no WebGPU provider';
  const tensors = drawn(graph.inputs);
  const weights = Object.fromEntries(Object.entries(tensors).filter(([name]) => isWeight(name)));
  const dir = await mkdtemp(path.join(tmpdir(), 'emu-bench-'));
  try {
    const model = { weights, lowerings: nativeLowerings };
    const large = Object.values(weights).reduce((bytes, { data }) => bytes + data.byteLength, 0) > 2 ** 30;
    const file = large
      ? (await exportOnnx({ graph }, { ...model, path: path.join(dir, 'model.onnx') })).files[0]
      : await onnxModel({ graph }, model);
    const session = await ort.InferenceSession.create(file as string, { executionProviders: ['webgpu'] });
    const feeds = Object.fromEntries(
      Object.entries(tensors)
        .filter(([name]) => !isWeight(name))
        .map(([name, { shape, data }]) => [name, new ort.Tensor('float32', data as Float32Array, shape)]),
    );
    const time = await median(() => session.run(feeds));
    await session.release();
    return time;
  } catch (error) {
    return `onnxruntime-node's WebGPU provider fails: ${String(error).split('\n')[0].slice(0, 160)}`;
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** Numbers of a block that is repeated: drawing gigabytes one by one takes minutes. Never zeros, which go faster. */
const block = 65_521;

export function drawTensor({ dtype, shape }: TensorType, seed = 1): HostTensor {
  const pattern = allocate(dtype, block);
  const normal = random(seed).normal(block);
  for (let i = 0; i < block; i++) pattern[i] = numberFor(dtype, normal[i]);
  const data = allocate(dtype, sizeOf(shape)) as Uint8Array;
  for (let at = 0; at < data.length; at += block)
    data.set((pattern as Uint8Array).subarray(0, Math.min(block, data.length - at)), at);
  return { dtype, shape, data };
}

/** Codes of a quantised weight are any byte, its scales are small and positive. */
function numberFor(dtype: DType, normal: number): number {
  if (dtype === 'u8') return Math.floor(Math.abs(normal) * 8191) & 255;
  if (dtype === 'f16') return f32ToF16(0.002 + 0.001 * Math.abs(normal));
  return dtype === 'f32' ? 0.02 * normal : 0;
}

const drawn = (inputs: Readonly<Record<string, TensorType>>): Record<string, HostTensor> =>
  Object.fromEntries(Object.entries(inputs).map(([name, type], i) => [name, drawTensor(type, i)]));

/** Multiplications and additions of a graph's products and convolutions, by its decomposition. */
export function flopsOf(graph: Graph): number {
  let flops = 0;
  for (const { op, inputs, outputs } of expand(graph).nodes) {
    const [value] = Object.values(outputs);
    if (op.name === 'prim.matmul') flops += 2 * sizeOf(value.shape) * (inputs.a.shape.at(-1) as number);
    if (op.name === 'prim.conv2d') flops += 2 * sizeOf(value.shape) * sizeOf(inputs.weight.shape.slice(1));
  }
  return flops;
}

/** Bytes that a run reads and writes at least: every input and output once. */
export const bytesOf = ({ inputs, outputs }: Graph): number =>
  [...Object.values(inputs), ...Object.values(outputs)].reduce(
    (bytes, { dtype, shape }) => bytes + sizeOf(shape) * byteSize(dtype),
    0,
  );
