import { convert, type HostTensor, isFloat } from '@emu-ts/base';
import { type Graph, graphOf, interpret, type TensorType, type Value } from '@emu-ts/graph';
import { type Expectation, expectClose, randomTensors } from '@emu-ts/testing';
import type { GpujsExecutor } from '../src/index.js';
import { type Case, type CaseRequest, valuesOf } from './cases.js';

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
  executor: GpujsExecutor,
  graph: Graph,
  tensors: Readonly<Record<string, HostTensor>>,
): Promise<Record<string, HostTensor>> {
  const program = await executor.compile(graph);
  try {
    const results = await program.run(
      Object.fromEntries(Object.keys(graph.inputs).map((name) => [name, tensors[name]])),
    );
    const read: Record<string, HostTensor> = {};
    for (const [name, tensor] of Object.entries(results)) {
      read[name] = await tensor.read();
      tensor.dispose();
    }
    return read;
  } finally {
    await program.dispose();
  }
}

/** Compares every output of a graph with the interpreter. */
export async function expectEqual(
  executor: GpujsExecutor,
  label: string,
  outputs: Readonly<Record<string, Value>>,
  tensors: Readonly<Record<string, HostTensor>>,
  expectation: Expectation = {},
): Promise<void> {
  compare(label, outputs, await runOnce(executor, graphOf(outputs), tensors), tensors, expectation);
}

function compare(
  label: string,
  outputs: Readonly<Record<string, Value>>,
  actual: Readonly<Record<string, HostTensor>>,
  tensors: Readonly<Record<string, HostTensor>>,
  expectation: Expectation,
): void {
  const expected = interpret(graphOf(outputs), tensors);
  for (const [name, value] of Object.entries(outputs)) {
    const dtype = isFloat(value.dtype) ? value.dtype : 'f32';
    const wanted = isFloat(value.dtype) ? expected[name] : convert(expected[name], value.dtype);
    expectClose(`${label} ${name}`, actual[name], wanted, { dtype, ...expectation });
  }
}

/** Computes the outputs of a case, or its gradients. */
export type Compute = (
  request: CaseRequest,
  tensors: Readonly<Record<string, HostTensor>>,
) => Promise<Readonly<Record<string, HostTensor>>>;

/** Compares the outputs of a case with the interpreter, and its gradients where it has some. */
export async function expectCase(compute: Compute, name: string, testCase: Case): Promise<void> {
  const { inputs = {}, given = {}, expectation = {} } = testCase;
  const terms = Math.max(1, ...Object.values(inputs).flatMap(({ shape }) => shape));
  for (const gradient of testCase.gradient === false ? [false] : [false, true]) {
    const request = { op: name, name: testCase.name, gradient };
    const { outputs, seeds } = valuesOf(request);
    if (!Object.keys(outputs).length) continue;
    const tensors = { ...randomInputs(inputs, given), ...randomInputs(seeds, {}, 5) };
    const label = `${name} ${testCase.name}`;
    compare(label, outputs, await compute(request, tensors), tensors, { terms, ...expectation });
  }
}
