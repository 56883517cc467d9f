import { convert, type HostTensor, isFloat } from '@emu-ts/base';
import { type Executor, type Graph, graphOf, interpret, type TensorType, type Value } from '@emu-ts/graph';
import { randomTensors } from './differences.js';
import { expectClose } from './report.js';
import type { Expectation } from './tolerance.js';

type Tensors = Readonly<Record<string, HostTensor>>;
type Values = Readonly<Record<string, Value>>;

/** Random numbers in each input's own dtype; indices and masks are given. */
export function randomInputs(
  types: Readonly<Record<string, TensorType>>,
  given: Tensors = {},
  seed = 1,
): Record<string, HostTensor> {
  const drawn = randomTensors(types, seed);
  return Object.fromEntries(
    Object.entries(types).map(([name, { dtype }]) => [name, convert(given[name] ?? drawn[name], dtype)]),
  );
}

/** Runs a graph once and reads every output. @param weights inputs that are given when it is compiled */
export async function runOnce(
  executor: Executor,
  graph: Graph,
  tensors: Tensors,
  weights: readonly string[] = [],
): Promise<Record<string, HostTensor>> {
  const pick = (wanted: boolean) =>
    Object.fromEntries(
      Object.keys(graph.inputs)
        .filter((name) => weights.includes(name) === wanted)
        .map((name) => [name, tensors[name]]),
    );
  const program = await executor.compile(graph, { weights: pick(true) });
  try {
    const results = await program.run(pick(false));
    const read = await Promise.all(
      Object.entries(results).map(async ([name, tensor]) => [name, await tensor.read()] as const),
    );
    for (const tensor of Object.values(results)) tensor.dispose();
    return Object.fromEntries(read);
  } finally {
    await program.dispose();
  }
}

/** Compares every output of a graph with the interpreter. */
export async function expectEqual(
  executor: Executor,
  label: string,
  outputs: Values,
  tensors: Tensors,
  expectation: Expectation = {},
  weights: readonly string[] = [],
): Promise<void> {
  const actual = await runOnce(executor, graphOf(outputs), tensors, weights);
  expectInterpreted(label, outputs, actual, tensors, expectation);
}

/** Compares what was computed of every output with the interpreter. */
export function expectInterpreted(
  label: string,
  outputs: Values,
  actual: Tensors,
  tensors: Tensors,
  expectation: Expectation = {},
): void {
  const expected = interpret(graphOf(outputs), tensors);
  for (const [name, value] of Object.entries(outputs)) {
    const dtype = isFloat(value.dtype) ? value.dtype : 'f32';
    const wanted = isFloat(value.dtype) ? expected[name] : convert(expected[name], value.dtype);
    expectClose(`${label} ${name}`, actual[name], wanted, { dtype, ...expectation });
  }
}

/** The largest dimension of any input: terms of the tolerance. */
export const largest = (inputs: Readonly<Record<string, TensorType>>): number =>
  Math.max(1, ...Object.values(inputs).flatMap(({ shape }) => shape));
