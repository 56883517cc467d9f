import { type CallOptions, EmuError, isNode } from '@emu-ts/base';
import { type Executor, interpreter } from '@emu-ts/graph';
import type { WebGpuExecutor } from '@emu-ts/webgpu';
import { kernelsFor, type Precision } from './precision.js';

/**
 * What the app can run on. Each is imported when it is asked for, so that a machine needs only the packages it uses.
 * `reference` is the f64 interpreter: for small models, to compare with.
 */
export const executorNames = ['webgpu', 'onnx', 'gpujs', 'reference'] as const;
export type ExecutorName = (typeof executorNames)[number];

export interface ExecutorOptions extends CallOptions {
  /** Default `exact`. */
  readonly precision?: Precision | undefined;
}

const makers: Readonly<Record<ExecutorName, (options: ExecutorOptions) => Promise<Executor>>> = {
  webgpu: openWebGpu,
  onnx: async () => (await import('@emu-ts/onnx')).onnx({ ort: await onnxRuntime() }),
  gpujs: async () => (await import('@emu-ts/gpujs')).gpujs(),
  reference: async () => interpreter(),
};

export const createExecutor = (name: ExecutorName, options: ExecutorOptions = {}): Promise<Executor> =>
  makers[name](options);

/** WebGPU with the kernels of every package. Throws `NoAdapterError` where there is none. */
export async function openWebGpu(options: ExecutorOptions = {}): Promise<WebGpuExecutor> {
  const { precision = 'exact', signal } = options;
  const { webgpu } = await import('@emu-ts/webgpu');
  return webgpu({ kernels: await kernelsFor(precision), signal });
}

/** ONNX Runtime's native library. */
export async function onnxRuntime() {
  if (!isNode())
    throw new EmuError('ONNX_MISSING', 'onnxruntime-node needs Node, and this is not Node.', {
      hint: "Give an executor as device: await onnx({ ort: await import('onnxruntime-web') }) of @emu-ts/onnx.",
    });
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new EmuError('ONNX_MISSING', 'onnxruntime-node could not be loaded.', {
      hint: 'Install it with: npm install onnxruntime-node --ignore-scripts',
      cause,
    });
  }
}

/** What `auto` tries, the fastest first. */
const automatic = ['webgpu', 'onnx', 'gpujs'] as const satisfies readonly ExecutorName[];

export interface AutomaticChoice {
  readonly name: ExecutorName;
  readonly executor: Executor;
  /** Why those before it were not taken. */
  readonly refused: readonly string[];
}

/** The fastest executor that this machine has. Throws `NO_DEVICE` with every reason when there is none. */
export async function chooseExecutor(options: ExecutorOptions = {}): Promise<AutomaticChoice> {
  const refused: string[] = [];
  for (const name of automatic) {
    options.signal?.throwIfAborted();
    try {
      const executor = name === 'webgpu' ? await graphicsCard(options) : await createExecutor(name, options);
      return { name, executor, refused };
    } catch (error) {
      options.signal?.throwIfAborted();
      refused.push(`${name}: ${(error as Error).message}`);
    }
  }
  throw new EmuError('NO_DEVICE', `Nothing here can run the model. ${refused.join(' ')}`, {
    hint: "'emu doctor' says what is missing.",
  });
}

/** WebGPU on hardware: in software it is slower than ONNX Runtime. */
async function graphicsCard(options: ExecutorOptions): Promise<Executor> {
  if (!(await mayHaveGraphicsCard()))
    throw new EmuError('NO_ADAPTER', `There is no graphics card: none of ${cards.join(', ')} exists.`);
  const executor = await openWebGpu(options);
  if (!executor.device.adapterInfo.isFallbackAdapter) return executor;
  await executor.dispose();
  throw new EmuError('NO_ADAPTER', `The adapter is a processor (${executor.capabilities.adapter}).`, {
    hint: "'--device webgpu' takes it all the same.",
  });
}

const cards = ['/dev/dri/renderD128', '/dev/nvidiactl', '/dev/dxg'];

/** Without a card, drivers complain on the terminal when they are asked: on Linux the devices are looked for first. */
async function mayHaveGraphicsCard(): Promise<boolean> {
  if (!isNode() || process.platform !== 'linux') return true;
  const { existsSync } = await import('node:fs');
  return cards.some(existsSync);
}
