import { type Executor, interpreter } from '@emu-ts/graph';
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
      const { nnKernels } = await import('@emu-ts/nn/webgpu');
      const { languageModelKernels } = await import('@emu-ts/language-model/webgpu');
      return webgpu({ kernels: [...languageModelKernels, ...nnKernels] });
    },
  },
  ...(['cpu', 'wasm'] as const).map((mode) => ({
    name: mode === 'cpu' ? 'gpujs' : `gpujs-${mode}`,
    create: async () => {
      const { gpujs } = await import('@emu-ts/gpujs');
      return gpujs({ mode });
    },
  })),
];

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
