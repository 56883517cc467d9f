import { type Executor, interpreter } from '@emu-ts/graph';
import { afterAll } from 'vitest';
import type { BrowserExecutor } from './browser/executor.js';
import { prepareGpu } from './gpu.js';

export interface NamedExecutor {
  readonly name: string;
  create(): Promise<Executor>;
}

/** Run by default. */
const usual: readonly NamedExecutor[] = [
  { name: 'reference', create: async () => interpreter() },
  {
    name: 'onnx',
    create: async () => {
      const { onnx } = await import('@emu-ts/onnx');
      return onnx({ ort: await import('onnxruntime-node') });
    },
  },
];

/** Run where EMU_EXECUTOR names them. */
const onDemand: readonly NamedExecutor[] = [
  {
    name: 'webgpu',
    create: async () => {
      prepareGpu();
      const { webgpu } = await import('@emu-ts/webgpu');
      const { allKernels } = await import('./kernels.js');
      return webgpu({ kernels: allKernels });
    },
  },
  {
    name: 'webgpu-browser',
    create: () => browserExecutor(),
  },
  ...(['cpu', 'wasm'] as const).map((mode) => ({
    name: mode === 'cpu' ? 'gpujs' : `gpujs-${mode}`,
    create: async () => {
      const { gpujs } = await import('@emu-ts/gpujs');
      return gpujs({ mode });
    },
  })),
];

/** WebGPU in headless Chromium. Throws where no browser starts or it has no adapter. */
export async function browserExecutor(): Promise<BrowserExecutor> {
  const { browserGpu } = await import('./browser/executor.js');
  return browserGpu();
}

/** The executors that golden tests run on: those named in EMU_EXECUTOR (separated by commas), or the reference and ONNX. */
export function executors(): readonly NamedExecutor[] {
  const wanted = process.env.EMU_EXECUTOR?.split(',').filter(Boolean);
  if (!wanted?.length) return usual;
  const all = [...usual, ...onDemand];
  return wanted.map((name) => {
    const found = all.find((executor) => executor.name === name);
    if (!found)
      throw new Error(`EMU_EXECUTOR names '${name}'; there are ${all.map((e) => e.name).join(', ')}.`);
    return found;
  });
}

/**
 * As `executors()`, for the tests of a file: each is opened once, lent to whatever asks for it, and closed behind the last
 * test. A new device compiles its kernels again, which takes a GPU in software longer than most tests.
 */
export const sharedExecutors = (): readonly NamedExecutor[] =>
  executors().map(({ name, create }) => {
    let opened: Promise<Executor> | undefined;
    afterAll(async () => (await opened)?.dispose());
    return {
      name,
      async create() {
        opened ??= create();
        return lent(await opened);
      },
    };
  });

/** The same executor, which outlives its user. */
const lent = (executor: Executor): Executor =>
  new Proxy(executor, {
    get(target, key) {
      if (key === 'dispose' || key === Symbol.asyncDispose) return async () => {};
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
