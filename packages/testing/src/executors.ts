import { type Executor, interpreter } from '@emu-ts/graph';

export interface NamedExecutor {
  readonly name: string;
  create(): Promise<Executor>;
}

const all: readonly NamedExecutor[] = [
  { name: 'reference', create: async () => interpreter() },
  {
    name: 'onnx',
    create: async () => {
      const { onnx } = await import('@emu-ts/onnx');
      return onnx({ ort: await import('onnxruntime-node') });
    },
  },
];

/** The executors that golden tests run on: those named in EMU_EXECUTOR (separated by commas), or all. */
export function executors(): readonly NamedExecutor[] {
  const wanted = process.env.EMU_EXECUTOR?.split(',').filter(Boolean);
  if (!wanted?.length) return all;
  return wanted.map((name) => {
    const found = all.find((executor) => executor.name === name);
    if (!found)
      throw new Error(`EMU_EXECUTOR names '${name}'; there are ${all.map((e) => e.name).join(', ')}.`);
    return found;
  });
}
