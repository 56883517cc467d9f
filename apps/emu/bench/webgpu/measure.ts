import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Graph } from '@emu-ts/graph';
import { exportOnnx, nativeLowerings, onnxModel } from '@emu-ts/onnx';
import type { WebGpuExecutor } from '@emu-ts/webgpu';
import * as ort from 'onnxruntime-node';
import { drawInputs } from './graphs.js';

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

/** Throws where the result is not made of numbers. */
export async function measure(executor: WebGpuExecutor, graph: Graph): Promise<Measured> {
  const { given, weights } = drawInputs(graph);
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
  const { given, weights } = drawInputs(graph);
  const dir = await mkdtemp(path.join(tmpdir(), 'emu-bench-'));
  try {
    const model = { weights, lowerings: nativeLowerings };
    const large = Object.values(weights).reduce((bytes, { data }) => bytes + data.byteLength, 0) > 2 ** 30;
    const file = large
      ? (await exportOnnx({ graph }, { ...model, path: path.join(dir, 'model.onnx') })).files[0]
      : await onnxModel({ graph }, model);
    const session = await ort.InferenceSession.create(file as string, { executionProviders: ['webgpu'] });
    const feeds = Object.fromEntries(
      Object.entries(given).map(([name, { shape, data }]) => [
        name,
        new ort.Tensor('float32', data as Float32Array, shape),
      ]),
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
