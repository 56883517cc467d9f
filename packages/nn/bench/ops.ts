import { allocate, byteSize, type HostTensor, pack, sizeOf } from '@emu-ts/base';
import { type AnyOp, type Executor, expand, type Graph, graphOf, input, type Value } from '@emu-ts/graph';
import { type Bench, executors, type OpCase } from '@emu-ts/testing';
import { suites } from '../src/suites.js';

/** Each op at the shapes of Emu on every executor but the oracle, beside its own decomposition in the same process. */
const largestInput = 512e6;
const seconds = 0.5;

/** Names of operands that stay from call to call. */
const weights = new Set(['weight', 'bias', 'codes', 'scales', 'cos', 'sin']);

/** A short pattern, over and over: time does not depend on the numbers. */
function operand(name: string, { inputs, given }: OpCase): HostTensor {
  const { dtype, shape } = inputs[name];
  const data = allocate(dtype, sizeOf(shape)) as Float32Array;
  const pattern = pack(
    dtype,
    Array.from({ length: 251 }, (_, i) => (dtype === 'u8' ? i : (i - 125) / 125)),
  ) as Float32Array;
  for (let i = 0; i < data.length; i++) data[i] = pattern[i % pattern.length];
  return given?.[name] ?? { dtype, shape, data };
}

/** The fastest of the runs that fit into half a second, in milliseconds. */
async function fastest(
  executor: Executor,
  op: AnyOp,
  testCase: OpCase,
  prepare: (graph: Graph) => Graph = (graph) => graph,
): Promise<number> {
  const names = Object.keys(testCase.inputs);
  const tensors = Object.fromEntries(names.map((name) => [name, operand(name, testCase)]));
  const values = Object.fromEntries(names.map((name) => [name, input(name, testCase.inputs[name])]));
  const outputs = op(values, testCase.attrs) as Record<string, Value>;
  const first = op.outputs[0] as string;
  const fixed = Object.fromEntries(Object.entries(tensors).filter(([name]) => weights.has(name)));
  const fed = Object.fromEntries(Object.entries(tensors).filter(([name]) => !weights.has(name)));
  const graph = prepare(graphOf({ [first]: outputs[first] }));
  await using program = await executor.compile(graph, { weights: fixed });
  let best = Number.POSITIVE_INFINITY;
  const end = performance.now() + seconds * 1e3;
  do {
    const start = performance.now();
    const result = await program.run(fed);
    best = Math.min(best, performance.now() - start);
    for (const tensor of Object.values(result)) tensor.dispose();
  } while (performance.now() < end);
  return best;
}

const bytes = ({ inputs }: OpCase): number =>
  Math.max(...Object.values(inputs).map(({ shape, dtype }) => sizeOf(shape) * byteSize(dtype)));

export const benches: readonly Bench[] = executors()
  .filter(({ name }) => name !== 'reference')
  .flatMap(({ name: device, create }) =>
    suites.flatMap(([op, cases]) =>
      cases
        .filter((testCase) => testCase.benchOnly && bytes(testCase) <= largestInput)
        .map((testCase) => ({
          name: `nn: ${op.name} ${testCase.name} (${device})`,
          unit: 'ms',
          async run() {
            await using executor = await create();
            const value = await fastest(executor, op, testCase);
            const decomposed = await fastest(executor, op, testCase, (graph) => expand(graph));
            return { value, baseline: { name: 'decomposed', value: decomposed } };
          },
        })),
    ),
  );
