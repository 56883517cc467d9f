import type { HostTensor } from '@emu-ts/base';
import { graphOf, input, interpret, type Value } from '@emu-ts/graph';
import { describeGpu, expectClose, nullGpu, type OpCase } from '@emu-ts/testing';
import { type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { languageModelKernels } from '../webgpu.js';
import { cases } from './cases.js';
import { continuationsOp } from './op.js';

const graphFor = ({ inputs, attrs }: OpCase) => {
  const symbols = Object.fromEntries(Object.entries(inputs).map(([name, type]) => [name, input(name, type)]));
  return graphOf(continuationsOp(symbols as never, attrs as never) as unknown as Record<string, Value>);
};

describeGpu('language_model.continuations', () => {
  let gpu: WebGpuExecutor;
  beforeAll(async () => {
    gpu = await webgpu({ kernels: languageModelKernels });
  });
  afterAll(() => gpu?.dispose());

  it.each(cases.map((one) => [one.name, one] as const))('%s', async (label, one) => {
    const graph = graphFor(one);
    const given = one.given as Record<string, HostTensor>;
    const expected = interpret(graph, given);
    await using program = await gpu.compile(graph);
    expect(program.plan()).toContain('language_model.continuations ×1 by');
    expect(program.dispatches).toBe(3);
    for (const [name, result] of Object.entries(await program.run(given))) {
      using held = result;
      expectClose(`${label} ${name}`, await held.read(), expected[name], { terms: given.logits.shape[2] });
    }
  });
});

it('validates for a real vocabulary', async () => {
  await using executor = await webgpu({ gpu: await nullGpu(), kernels: languageModelKernels });
  const [, , , full] = cases;
  const inputs = { ...full.inputs, logits: { dtype: 'f32' as const, shape: [2, 3, 32006] } };
  await using program = await executor.compile(graphFor({ ...full, inputs }));
  expect(program.dispatches).toBe(3);
});
