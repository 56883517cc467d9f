import {
  add,
  conv2d,
  type Executor,
  erf,
  type Graph,
  graphOf,
  input,
  matmul,
  mul,
  swapLast,
  tensorType,
} from '@emu-ts/graph';
import { onnx } from '@emu-ts/onnx';
import type { Bench, BenchResult } from '@emu-ts/testing';
import { randomInputs } from '@emu-ts/testing';
import * as ort from 'onnxruntime-node';
import { gpujs, type Mode } from '../src/index.js';

/**
 * What the portable fallback costs: one product, one convolution and one chain of small steps on gpu.js, beside the
 * same graph on onnxruntime-node in this process. Medians of milliseconds.
 */
const f32 = (...shape: number[]) => tensorType('f32', shape);

const graphs: Readonly<Record<string, () => Graph>> = {
  'matmul 257×352×352': () =>
    graphOf({ y: matmul(input('x', f32(257, 352)), swapLast(input('w', f32(352, 352)))) }),
  'conv2d 64→64 3×3 at 32×32': () =>
    graphOf({ y: conv2d(input('x', f32(1, 64, 32, 32)), input('w', f32(64, 64, 3, 3)), { padding: 1 }) }),
  'gelu 257×1408': () => {
    const x = input('x', f32(257, 1408));
    return graphOf({ y: mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1)) });
  },
};

const ROUNDS = 7;

/** Median milliseconds of a run, after two to warm up. */
async function measure(executor: Executor, graph: Graph): Promise<number> {
  const { w, ...inputs } = randomInputs(graph.inputs);
  const program = await executor.compile(graph, { weights: w ? { w } : {} });
  const times: number[] = [];
  for (let round = -2; round < ROUNDS; round++) {
    const start = performance.now();
    const { y } = await program.run(inputs);
    if (round >= 0) times.push(performance.now() - start);
    y.dispose();
  }
  await program.dispose();
  return times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)];
}

async function beside(mode: Mode, graph: Graph): Promise<BenchResult> {
  await using own = await gpujs({ mode });
  await using peer = await onnx({ ort });
  const value = await measure(own, graph);
  return { value, baseline: { name: 'onnxruntime-node', value: await measure(peer, graph) } };
}

export const benches: Bench[] = (['cpu', 'wasm'] as const).flatMap((mode) =>
  Object.entries(graphs).map(([name, graph]) => ({
    name: `gpujs.${mode} ${name}`,
    unit: 'ms',
    run: () => beside(mode, graph()),
  })),
);
