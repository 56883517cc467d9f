import { onnx } from '@emu-ts/onnx';
import { type Bench, type BenchResult, hasGraphicsCard, prepareGpu } from '@emu-ts/testing';
import { allKernels, allRoundedKernels } from '@emu-ts/testing/page';
import { type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import type { BenchPage } from './webgpu/browser.js';
import { componentCases } from './webgpu/components.js';
import { bytesOf, flopsOf } from './webgpu/graphs.js';
import { type GpuCase, kernelCases } from './webgpu/kernels.js';
import { decodeTime, embeddingLoop } from './webgpu/loops.js';
import { measure, measureOrt } from './webgpu/measure.js';
import { coldStart, encodeCost, uploadRate } from './webgpu/runtime.js';

/**
 * The WebGPU executor from single kernels to whole loops, beside onnxruntime-node's WebGPU provider in one process, and
 * beside onnxruntime-web's in one page of Chromium. On a graphics card at the sizes of Emu-14B, in software at sizes that
 * end; EMU_BENCH_SIZES=full or small says otherwise. Chromium has the card where EMU_GPU=card, and else small cases alone.
 */
const asked = process.env.EMU_BENCH_SIZES;
const full = asked ? asked === 'full' : hasGraphicsCard();

/** What every benchmark of this group begins with. */
const onGpu =
  (
    action: (executor: WebGpuExecutor) => Promise<BenchResult>,
    kernels = allKernels,
  ): (() => Promise<BenchResult>) =>
  async () => {
    prepareGpu();
    await using executor = await webgpu({ kernels });
    const result = await action(executor);
    const sizes = full ? "Emu's" : 'small, for a GPU in software';
    return { ...result, detail: { ...result.detail, sizes, adapter: executor.capabilities.adapter } };
  };

const graphBench = ({ name, graph: trace }: GpuCase): Bench => ({
  name: `webgpu ${name}`,
  unit: 'ms',
  run: onGpu(async (executor) => {
    const graph = trace();
    const { wall, gpu, dispatches } = await measure(executor, graph);
    const [flops, bytes] = [flopsOf(graph), bytesOf(graph)];
    const detail = {
      dispatches,
      flops,
      bytes,
      ...(gpu ? { gpuMs: gpu, 'GFLOP/s': flops / gpu / 1e6, 'GB/s': bytes / gpu / 1e6 } : {}),
      peakMiB: executor.memory().peak / 2 ** 20,
    };
    const ort = await measureOrt(graph);
    if (typeof ort === 'string') return { value: wall, detail: { ...detail, peer: ort } };
    return { value: wall, detail, baseline: { name: 'onnxruntime-node webgpu', value: ort } };
  }),
});

/** The same with operands rounded to what fast units multiply, beside the kernels that do not round. */
const roundedBench = ({ name, graph: trace }: GpuCase): Bench => ({
  name: `webgpu rounded ${name}`,
  unit: 'ms',
  run: onGpu(async (executor) => {
    const graph = trace();
    const { wall, gpu } = await measure(executor, graph);
    const { matrixUnits } = executor.capabilities;
    const units = matrixUnits === true ? 'matrix units' : matrixUnits;
    const detail = gpu ? { units, gpuMs: gpu, 'GFLOP/s': flopsOf(graph) / gpu / 1e6 } : { units };
    await using exact = await webgpu({ kernels: allKernels });
    const value = (await measure(exact, graph)).wall;
    return { value: wall, detail, baseline: { name: 'kernels that do not round', value } };
  }, allRoundedKernels),
});

/** Whether Chromium's adapter can do the sizes that are asked for. */
const inBrowser = !full || process.env.EMU_GPU === 'card';

/** All in one page, since the runtime's 27 MB of WebAssembly are compiled when it opens. */
let page: Promise<BenchPage> | undefined;

async function openedPage(): Promise<BenchPage> {
  const { benchPage } = await import('./webgpu/browser.js');
  page ??= benchPage();
  return page;
}

export async function close(): Promise<void> {
  await (await page)?.[Symbol.asyncDispose]();
}

const browserBench = ({ name }: GpuCase): Bench => ({
  name: `webgpu in Chromium ${name}`,
  unit: 'ms',
  async run() {
    const { own, peer, ...detail } = await (await openedPage()).beside(name, full);
    return {
      value: own,
      detail,
      baseline: { name: 'onnxruntime-web webgpu', value: peer },
    };
  },
});

const loops: readonly Bench[] = [
  ...(['f16', 'int8', 'int4'] as const).flatMap((stored) =>
    [1, 5].map((beams) => ({
      name: `webgpu B9 language-model ${stored}, a token of ${beams} beam${beams > 1 ? 's' : ''}`,
      unit: 'ms',
      run: onGpu(async (executor) => {
        const { perToken, layers } = await decodeTime(executor, full, stored, beams);
        await using ort = await onnx({ ort: await import('onnxruntime-node') });
        const peer = await decodeTime(ort, full, stored, beams);
        return {
          value: perToken,
          detail: { layers },
          baseline: { name: 'the same loop on onnxruntime-node, CPU', value: peer.perToken },
        };
      }),
    })),
  ),
  {
    name: 'webgpu B10 image embeddings, int4, with guidance',
    unit: 'ms',
    run: onGpu(async (executor) => {
      const { wall, uncached, ...detail } = await embeddingLoop(executor, full);
      return {
        value: wall,
        detail,
        baseline: { name: 'without a cache, as the reference', value: uncached },
      };
    }),
  },
];

const runtime: readonly Bench[] = [
  ...[250, 700].map((count) => ({
    name: `webgpu B12 encode, ${count} dispatches`,
    unit: 'µs per dispatch',
    async run() {
      const { own, bare } = await encodeCost(count);
      return { value: own, baseline: { name: 'the same calls of Dawn by hand', value: bare } };
    },
  })),
  {
    name: 'webgpu B12 cold start to a first result',
    unit: 'ms',
    run: onGpu(async () => ({ value: await coldStart() })),
  },
  {
    name: 'webgpu B12 upload',
    unit: 'GB/s',
    run: onGpu(async () => ({ value: await uploadRate(full ? 2 ** 30 : 2 ** 24) })),
  },
];

export const benches: readonly Bench[] = [
  ...kernelCases(full).map(graphBench),
  ...componentCases(full).map(graphBench),
  ...(full ? [...kernelCases(full), ...componentCases(full)].map(roundedBench) : []),
  ...loops,
  ...runtime,
  ...(inBrowser ? [...kernelCases(full), ...componentCases(full)].map(browserBench) : []),
];
