import { convert, type HostTensor, isFloat } from '@emu-ts/base';
import {
  type AnyOp,
  type Attrs,
  decompose,
  graphOf,
  input,
  interpret,
  isDeviceTensor,
  pullback,
  sameType,
  type TensorType,
  type Value,
} from '@emu-ts/graph';
import { describe, expect, it } from 'vitest';
import { expectGradients, randomTensors } from './differences.js';
import { executors } from './executors.js';
import { expectClose } from './report.js';
import type { Expectation } from './tolerance.js';

/** One shape at which an op is checked and measured. The same cases serve tests and benchmarks. */
export interface OpCase {
  readonly name: string;
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly attrs: Attrs;
  /** Tensors for inputs that must not be random (indices, masks). */
  readonly given?: Readonly<Record<string, HostTensor>>;
  /** Terms summed into one element, for the tolerance. Default: the largest dimension of any input. */
  readonly expectation?: Expectation;
  /** Too large for the interpreter: measured only. */
  readonly benchOnly?: boolean;
  /** Central differences cost two runs per element; set false on larger cases. */
  readonly differences?: boolean;
}

/** What `describeOp` checks beside forward results. */
export interface OpChecks {
  /** The op has a gradient (default), or is not differentiable. */
  readonly gradient?: boolean;
  /** Inputs to differentiate; default all floats. */
  readonly wrt?: readonly string[];
  /** Executors to compare with the interpreter, by name. Default none: their own packages' tests do that. */
  readonly executors?: readonly string[];
}

/**
 * One call checks an op: `infer` agrees with the type of its decomposition; its `vjp` agrees with differentiating the
 * decomposition and with central differences; every named executor agrees with the interpreter.
 */
export function describeOp(
  op: AnyOp,
  cases: readonly OpCase[],
  { gradient = true, wrt, executors: names = [] }: OpChecks = {},
): void {
  describe(op.name, () => {
    for (const testCase of cases.filter((c) => !c.benchOnly)) {
      const symbols = () =>
        Object.fromEntries(Object.entries(testCase.inputs).map(([name, type]) => [name, input(name, type)]));
      const tensors = { ...randomTensors(testCase.inputs), ...testCase.given };
      const apply = (values: Record<string, Value>) => op(values, testCase.attrs) as Record<string, Value>;

      it(`${testCase.name}: infer is the type of the decomposition`, () => {
        const outputs = apply(symbols());
        if (!op.decompose) return expect(Object.keys(outputs)).toEqual([...op.outputs]);
        const meaning = decompose(Object.values(outputs)[0].node);
        for (const [name, value] of Object.entries(outputs))
          expect(sameType(value, meaning[name])).toBe(true);
      });

      if (gradient) {
        const differentiable =
          wrt ?? Object.keys(testCase.inputs).filter((name) => isFloat(testCase.inputs[name].dtype));
        if (testCase.differences !== false) {
          it(`${testCase.name}: gradient is the central difference`, () => {
            expectGradients(
              `${op.name} ${testCase.name}`,
              (values) => firstOutput(op, apply(values)),
              tensors,
              differentiable,
            );
          });
        }
        if (op.vjp && op.decompose) {
          it(`${testCase.name}: vjp is the derivative of the decomposition`, () => {
            const values = symbols();
            const outputs = apply(values);
            const y = outputs[op.outputs[0] as string];
            const dy = input('cotangent', y);
            const targets = differentiable.map((name) => values[name]);
            const meaning = decompose(y.node)[y.output];
            const [own, derived] = [y, meaning].map((from) => {
              const pulled = pullback([[from, dy]], targets);
              const named = differentiable.flatMap((name, i) =>
                pulled[i] ? [[name, pulled[i] as Value]] : [],
              );
              return interpret(graphOf(Object.fromEntries(named)), {
                ...tensors,
                ...randomTensors({ cotangent: y }, 5),
              });
            });
            expect(Object.keys(own).sort()).toEqual(Object.keys(derived).sort());
            for (const name of Object.keys(own)) {
              expectClose(`${op.name} ${testCase.name}: d ${name}`, own[name], derived[name], {
                terms: largest(testCase),
                ...testCase.expectation,
                dtype: 'f64',
              });
            }
          });
        }
      }

      for (const executor of executors().filter(({ name }) => names.includes(name))) {
        it(`${testCase.name}: ${executor.name} equals the interpreter`, async () => {
          const graph = graphOf(apply(symbols()));
          const expected = interpret(graph, rounded(tensors, testCase));
          const device = await executor.create();
          try {
            const program = await device.compile(graph);
            const actual = await program.run(rounded(tensors, testCase));
            for (const [name, result] of Object.entries(actual)) {
              const host = isDeviceTensor(result) ? await result.read() : result;
              expectClose(`${op.name} ${testCase.name} ${name}`, host, expected[name], {
                dtype: host.dtype,
                terms: largest(testCase),
                ...testCase.expectation,
              });
              result.dispose();
            }
            await program.dispose();
          } finally {
            await device.dispose();
          }
        });
      }
    }
  });
}

/** Gradients are asked of the op's first output: the others are residuals. */
const firstOutput = (op: AnyOp, outputs: Record<string, Value>): Value => outputs[op.outputs[0] as string];

const largest = ({ inputs }: OpCase): number =>
  Math.max(1, ...Object.values(inputs).flatMap(({ shape }) => shape));

/** Both sides start from the same numbers: those that the declared formats can hold. */
const rounded = (tensors: Record<string, HostTensor>, { inputs }: OpCase): Record<string, HostTensor> =>
  Object.fromEntries(Object.entries(tensors).map(([name, t]) => [name, convert(t, inputs[name].dtype)]));
