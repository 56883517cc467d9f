import { convert, type HostTensor, tensor } from '@emu-ts/base';
import { graphOf, input, interpret, tensorType, type Value } from '@emu-ts/graph';
import { describeGpu, expectClose, randomTensors } from '@emu-ts/testing';
import { type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { embedding, linearOp, quantizedLinear } from './index.js';
import { nnKernels } from './webgpu.js';

/** Weights on a device that binds 8 KiB at most lie in parts, and nobody notices. */
const limit = 8192;

const f32 = (...shape: number[]) => tensorType('f32', shape);
const x = (k: number) => input('x', f32(3, k));
const codes = (bits: 4 | 8): Record<string, Value> => {
  const p = {
    codes: input('codes', tensorType('u8', [150, 5, 4 * bits])),
    scales: input('scales', tensorType('f16', [150, 5])),
    bias: input('bias', f32(150)),
  };
  return { y: quantizedLinear(p, x(140)) };
};
const table = (rows: number, dtype: 'f32' | 'f16', width: number) => ({
  y: embedding(
    { weight: input('weight', tensorType(dtype, [rows, width])) },
    input('ids', tensorType('i32', [2, 4])),
  ),
});
const cases: readonly (readonly [string, Record<string, Value>, number])[] = [
  [
    'linear',
    { y: linearOp({ x: x(40), weight: input('weight', f32(131, 40)), bias: input('bias', f32(131)) }, {}).y },
    3,
  ],
  [
    'linear in halves',
    { y: linearOp({ x: x(33), weight: input('weight', tensorType('f16', [259, 33])) }, {}).y },
    3,
  ],
  ['linear in 4 bits', codes(4), 2],
  ['linear in 8 bits', codes(8), 4],
  ['a table', table(129, 'f32', 60), 5],
  ['a table in halves', table(301, 'f16', 31), 3],
];
const ids = tensor('i32', [2, 4], [0, 31, 32, 63, 64, 100, 127, 128]);

describeGpu('weights larger than a binding', () => {
  let gpu: WebGpuExecutor;
  beforeAll(async () => {
    gpu = await webgpu({ kernels: nnKernels, poolBytes: 0 });
    const real = gpu.device.limits;
    const limits = Object.fromEntries(
      Object.keys(Object.getPrototypeOf(real)).map((name) => [name, real[name as never]]),
    );
    Object.defineProperty(gpu.device, 'limits', { value: { ...limits, maxStorageBufferBindingSize: limit } });
  });
  afterAll(() => gpu?.dispose());

  it.each(cases)('%s', async (label, outputs, parts) => {
    const graph = graphOf(outputs);
    const drawn = { ...randomTensors(graph.inputs), ids };
    const tensors: Record<string, HostTensor> = Object.fromEntries(
      Object.entries(graph.inputs).map(([name, { dtype }]) => [name, convert(drawn[name as 'ids'], dtype)]),
    );
    const name = 'codes' in tensors ? 'codes' : 'weight';
    const { [name]: weight, ...given } = tensors;
    const expected = interpret(graph, tensors).y;
    const before = gpu.memory().buffers;
    const placed = await gpu.upload(weight);
    expect(gpu.memory().buffers - before).toBe(parts);
    expect((await placed.read()).data).toEqual(weight.data);
    for (const [weights, inputs] of [
      [{ [name]: placed }, given],
      [{ [name]: weight }, given],
      [{}, { ...given, [name]: placed }],
      [{}, tensors],
    ] as const) {
      await using program = await gpu.compile(graph, { weights });
      using y = (await program.run(inputs)).y;
      expectClose(label, await y.read(), expected, { terms: 160 });
    }
    placed.dispose();
  });

  it('says so where rows cannot be cut', async () => {
    const wide = tensor('f32', [2, 4096]);
    await expect(gpu.upload(wide)).rejects.toMatchObject({ code: 'DEVICE_LIMIT' });
    using tall = await gpu.upload(tensor('f32', [256, 16]));
    await using program = await gpu.compile(graphOf({ y: input('x', f32(256, 16)) }));
    await expect(program.run({ x: tall })).rejects.toMatchObject({ code: 'DEVICE_LIMIT' });
  });
});
