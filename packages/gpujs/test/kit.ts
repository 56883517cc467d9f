import type { HostTensor } from '@emu-ts/base';
import { expectInterpreted, largest, randomInputs } from '@emu-ts/testing';
import { type Case, type CaseRequest, valuesOf } from './cases.js';

/** Computes the outputs of a case, or its gradients. */
export type Compute = (
  request: CaseRequest,
  tensors: Readonly<Record<string, HostTensor>>,
) => Promise<Readonly<Record<string, HostTensor>>>;

/** Compares the outputs of a case with the interpreter, and its gradients where it has some. */
export async function expectCase(compute: Compute, name: string, testCase: Case): Promise<void> {
  const { inputs = {}, given = {}, expectation = {} } = testCase;
  const terms = largest(inputs);
  for (const gradient of testCase.gradient === false ? [false] : [false, true]) {
    const request = { op: name, name: testCase.name, gradient };
    const { outputs, seeds } = valuesOf(request);
    if (!Object.keys(outputs).length) continue;
    const tensors = { ...randomInputs(inputs, given), ...randomInputs(seeds, {}, 5) };
    const label = `${name} ${testCase.name}`;
    expectInterpreted(label, outputs, await compute(request, tensors), tensors, { terms, ...expectation });
  }
}
