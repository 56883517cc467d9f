import type { HostTensor } from '@emu-ts/base';
import { graphOf } from '@emu-ts/graph';
import { type GpujsExecutor, type GpuModule, gpujs } from '../src/index.js';
import { type CaseRequest, valuesOf } from './cases.js';

/** What the browser test runs inside a page: cases by name, tensors as plain numbers. */
export interface PlainTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

declare const GPU: unknown;
let executor: GpujsExecutor;

const page = {
  async open(): Promise<string> {
    executor = await gpujs({ gpu: { default: GPU } as GpuModule });
    return executor.mode;
  },
  async compute(
    request: CaseRequest,
    tensors: Readonly<Record<string, PlainTensor>>,
  ): Promise<Record<string, PlainTensor>> {
    const arrays = { f32: Float32Array, i32: Int32Array, bool: Uint8Array };
    const host = ({ dtype, shape, data }: PlainTensor) =>
      ({ dtype, shape, data: arrays[dtype as 'f32'].from(data) }) as HostTensor;
    const graph = graphOf(valuesOf(request).outputs);
    const program = await executor.compile(graph);
    const given = Object.keys(graph.inputs).map((name) => [name, host(tensors[name])] as const);
    const results = await program.run(Object.fromEntries(given));
    const read: Record<string, PlainTensor> = {};
    for (const [name, tensor] of Object.entries(results)) {
      const { dtype, shape, data } = await tensor.read();
      read[name] = { dtype, shape, data: Array.from(data, Number) };
      tensor.dispose();
    }
    await program.dispose();
    return read;
  },
  holdings: () => executor.holdings(),
};

Object.assign(globalThis, { page });
