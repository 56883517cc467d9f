import { type AnyOp, input, type PrimitiveName, primitives, type Value } from '@emu-ts/graph';
import { cotangentsOf, describeGpu, expectEqual, largest, randomInputs } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cases } from '../../../graph/src/primitives/cases.js';
import { type WebGpuExecutor, webgpu } from '../index.js';

/** Every primitive on the GPU against the interpreter, forward and backward. */
let gpu: WebGpuExecutor;

describeGpu('primitives', () => {
  beforeAll(async () => {
    gpu = await webgpu();
    console.info(gpu.report());
  });
  afterAll(() => gpu?.dispose());

  for (const [name, { cases: list, gradient = true }] of Object.entries(cases)) {
    const op = primitives[name as PrimitiveName] as AnyOp;
    describe.runIf(list.length)(op.name, () => {
      for (const { name: label, inputs, attrs, given } of list) {
        const symbols = () =>
          Object.fromEntries(Object.entries(inputs).map(([key, type]) => [key, input(key, type)]));
        const expectation = { terms: largest(inputs) };

        it(label, async () => {
          const outputs = op(symbols(), attrs) as Record<string, Value>;
          await expectEqual(gpu, `${name} ${label}`, outputs, randomInputs(inputs, given), expectation);
        });

        it.runIf(gradient)(`${label}: cotangents`, async () => {
          const values = symbols();
          const { gradients, seeds } = cotangentsOf(values, op(values, attrs) as Record<string, Value>);
          const tensors = { ...randomInputs(inputs, given), ...randomInputs(seeds, {}, 7) };
          expect(Object.keys(gradients).length).toBeGreaterThan(0);
          await expectEqual(gpu, `${name} ${label}`, gradients, tensors, { ...expectation, depth: 4 });
        });
      }
    });
  }
});
