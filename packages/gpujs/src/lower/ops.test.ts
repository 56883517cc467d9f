import { graphOf } from '@emu-ts/graph';
import { runOnce } from '@emu-ts/testing';
import { GPU } from 'gpu.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { casesOf, opNames, valuesOf } from '../../test/cases.js';
import { expectCase } from '../../test/kit.js';
import { type GpujsExecutor, gpujs, type Mode } from '../index.js';

/** Every primitive equals the f64 interpreter, forward and backward, and so do the layers made of them. */
describe.each<Mode>(['cpu', 'wasm'])('ops in mode %s', (mode) => {
  const gpu = new GPU({ mode: mode === 'wasm' ? 'webasm' : mode });
  let executor: GpujsExecutor;
  beforeAll(async () => {
    executor = await gpujs({ gpu });
  });
  afterAll(() => executor.dispose());

  describe.each(opNames)('%s', (name) => {
    it('has a case', () => expect(casesOf(name).length).toBeGreaterThan(0));
    it.each(casesOf(name))('$name', (testCase) =>
      expectCase(
        (request, tensors) => runOnce(executor, graphOf(valuesOf(request).outputs), tensors),
        name,
        testCase,
      ),
    );
  });

  it('runs in that mode and nowhere else', () => {
    const { kernels } = gpu as unknown as { kernels: { fallbackReason: string | null }[] };
    expect(kernels.length).toBeGreaterThan(opNames.length);
    expect(kernels.map(({ fallbackReason }) => fallbackReason).filter(Boolean)).toEqual([]);
  });

  it('leaves nothing behind', () => {
    expect(executor.holdings().buffers).toBe(0);
  });
});
