import { type DType, sizeOf, tensor, toF64 } from '@emu-ts/base';
import { add, graphOf, input, matmul, swapLast } from '@emu-ts/graph';
import { type GpujsExecutor, type GpuModule, gpujs, type Holdings } from '../src/index.js';
import { type CaseRequest, valuesOf } from './cases.js';

/** What the browser test runs inside a page: cases by name, tensors as plain numbers. */
export interface PlainTensor {
  readonly dtype: DType;
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
    const host = ({ dtype, shape, data }: PlainTensor) => tensor(dtype, shape, data);
    const graph = graphOf(valuesOf(request).outputs);
    const program = await executor.compile(graph);
    const given = Object.keys(graph.inputs).map((name) => [name, host(tensors[name])] as const);
    const results = await program.run(Object.fromEntries(given));
    const read: Record<string, PlainTensor> = {};
    for (const [name, result] of Object.entries(results)) {
      const host = await result.read();
      read[name] = { dtype: host.dtype, shape: host.shape, data: [...toF64(host)] };
      result.dispose();
    }
    await program.dispose();
    return read;
  },
  /** Runs one program again and again; what is held after the first run and after the last. */
  async repeat(times: number): Promise<[Holdings, Holdings]> {
    const f32 = (shape: number[], value: number) =>
      tensor('f32', shape, new Float32Array(sizeOf(shape)).fill(value));
    const y = matmul(input('x', f32([3, 5], 0)), swapLast(input('weight', f32([4, 5], 0))));
    const program = await executor.compile(graphOf({ y: add(y, 1) }), {
      weights: { weight: f32([4, 5], 2) },
    });
    const held: Holdings[] = [];
    for (let i = 0; i < times; i++) {
      const results = await program.run({ x: f32([3, 5], i) });
      const { data } = await results.y.read();
      if ((data as Float32Array).some((value) => value !== 10 * i + 1))
        throw new Error(`Run ${i} gave ${data}.`);
      results.y.dispose();
      held.push(executor.holdings());
    }
    await program.dispose();
    return [held[0], held[times - 1]];
  },
  holdings: () => executor.holdings(),
};

Object.assign(globalThis, { page });
