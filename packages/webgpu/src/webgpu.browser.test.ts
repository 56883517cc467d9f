import { convert, isFloat } from '@emu-ts/base';
import {
  type AnyOp,
  graphOf,
  input,
  interpret,
  type PrimitiveName,
  primitives,
  type Value,
} from '@emu-ts/graph';
import { browserExecutor, expectClose, largest, type OpCase, randomInputs } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cases } from '../../graph/src/primitives/cases.js';
import { cases as spliceCases } from '../../language-model/src/splice/cases.js';
import { spliceOp } from '../../language-model/src/splice/op.js';
import { suites } from '../../nn/src/suites.js';

/**
 * Every primitive and every layer, with the kernels of all packages, in headless Chromium on its own WebGPU, against the
 * interpreter. Each kernel alone, fusions, and what components bring: the project `kernels-in-browser` runs Node's tests of
 * them there. Fails where no browser starts or it has no adapter, unless EMU_SKIP_BROWSER=1 says to skip it.
 */
const skipped = process.env.EMU_SKIP_BROWSER === '1';
let gpu: Awaited<ReturnType<typeof browserExecutor>>;

const ops: readonly (readonly [AnyOp, readonly OpCase[]])[] = [
  ...Object.entries(cases).map(
    ([name, { cases: list }]) => [primitives[name as PrimitiveName] as AnyOp, list as OpCase[]] as const,
  ),
  ...suites,
  [spliceOp as AnyOp, spliceCases],
];

describe.skipIf(skipped)('WebGPU in Chromium', () => {
  beforeAll(async () => {
    gpu = await browserExecutor();
    console.info(gpu.report);
  });
  afterAll(() => gpu?.dispose());

  it('has the tiers that a page can have on this adapter', () => {
    expect(gpu.report).toContain('core yes');
  });

  it.each(
    ops
      .filter(([, list]) => list.some(({ benchOnly }) => !benchOnly))
      .map(([op, list]) => [op.name, op, list] as const),
  )('%s', async (name, op, list) => {
    for (const { name: label, inputs, attrs, given, expectation } of list.filter((c) => !c.benchOnly)) {
      const tensors = randomInputs(inputs, given);
      const symbols = Object.fromEntries(
        Object.entries(inputs).map(([key, type]) => [key, input(key, type)]),
      );
      const graph = graphOf(op(symbols, attrs) as Record<string, Value>);
      const expected = interpret(graph, tensors);
      const program = await gpu.compile(graph);
      const results = await program.run(
        Object.fromEntries(Object.keys(graph.inputs).map((key) => [key, tensors[key]])),
      );
      for (const [key, result] of Object.entries(results)) {
        const float = isFloat(result.dtype);
        const wanted = float ? expected[key] : convert(expected[key], result.dtype);
        expectClose(`${name} ${label} ${key} (browser)`, await result.read(), wanted, {
          ...(float ? { dtype: result.dtype } : {}),
          terms: largest(inputs),
          ...expectation,
        });
        result.dispose();
      }
      await program.dispose();
    }
  });
});
