import { convert, type HostTensor, isFloat } from '@emu-ts/base';
import { type Graph, graphOf, input, interpret, pullback, type TensorType, type Value } from '@emu-ts/graph';
import { type Expectation, expectClose, randomTensors } from '@emu-ts/testing';
import type { WebGpuExecutor } from '../src/index.js';

/** Random numbers in each input's own dtype; indices and masks are given. */
export function randomInputs(
  types: Readonly<Record<string, TensorType>>,
  given: Readonly<Record<string, HostTensor>> = {},
  seed = 1,
): Record<string, HostTensor> {
  const drawn = randomTensors(types, seed);
  return Object.fromEntries(
    Object.entries(types).map(([name, { dtype }]) => [name, convert(given[name] ?? drawn[name], dtype)]),
  );
}

/** Runs a graph once and reads every output. */
export async function runOnce(
  executor: WebGpuExecutor,
  graph: Graph,
  tensors: Readonly<Record<string, HostTensor>>,
): Promise<Record<string, HostTensor>> {
  const program = await executor.compile(graph);
  try {
    const given = Object.fromEntries(Object.keys(graph.inputs).map((name) => [name, tensors[name]]));
    const results = await program.run(given);
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
  executor: WebGpuExecutor,
  label: string,
  outputs: Readonly<Record<string, Value>>,
  tensors: Readonly<Record<string, HostTensor>>,
  expectation: Expectation = {},
): Promise<void> {
  const graph = graphOf(outputs);
  const expected = interpret(graph, tensors);
  const actual = await runOnce(executor, graph, tensors);
  for (const [name, value] of Object.entries(outputs)) {
    const float = isFloat(value.dtype);
    const wanted = float ? expected[name] : convert(expected[name], value.dtype);
    expectClose(`${label} ${name}`, actual[name], wanted, {
      ...(float ? { dtype: value.dtype } : {}),
      ...expectation,
    });
  }
}

/** The cotangents of all float inputs, for random cotangents of all float outputs; those are inputs named `d …`. */
export function cotangentsOf(
  inputs: Readonly<Record<string, Value>>,
  outputs: Readonly<Record<string, Value>>,
): { gradients: Record<string, Value>; seeds: Record<string, Value> } {
  const seeds = Object.fromEntries(
    Object.entries(outputs)
      .filter(([, { dtype }]) => isFloat(dtype))
      .map(([name, type]) => [`d ${name}`, input(`d ${name}`, type)]),
  );
  const wrt = Object.entries(inputs).filter(([, { dtype }]) => isFloat(dtype));
  const pulled = pullback(
    Object.keys(seeds).map((name) => [outputs[name.slice(2)], seeds[name]] as const),
    wrt.map(([, value]) => value),
  );
  const gradients = Object.fromEntries(
    wrt.flatMap(([name], i) => (pulled[i] ? [[`gradient ${name}`, pulled[i] as Value]] : [])),
  );
  return { gradients, seeds };
}

/** The largest dimension of any input: terms of the tolerance. */
export const largest = (inputs: Readonly<Record<string, TensorType>>): number =>
  Math.max(1, ...Object.values(inputs).flatMap(({ shape }) => shape));
