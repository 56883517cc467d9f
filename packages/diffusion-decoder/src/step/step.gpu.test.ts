import { convert } from '@emu-ts/base';
import { type Graph, graphOf, input, interpret, type Value } from '@emu-ts/graph';
import { describeGpu, expectClose, nullGpu, randomTensors } from '@emu-ts/testing';
import { type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { diffusionDecoderKernels } from '../webgpu.js';
import { cases } from './cases.js';
import { samplerStepOp } from './op.js';

const donate = { state: 'stateOut' };

function graphFor({ inputs }: (typeof cases)[number]): Graph {
  const symbols = Object.entries(inputs).map(([name, type]) => [name, input(name, type)]);
  return graphOf(samplerStepOp(Object.fromEntries(symbols) as never, {}) as unknown as Record<string, Value>);
}

describeGpu('the step of a sampler', () => {
  let gpu: WebGpuExecutor;
  beforeAll(async () => {
    gpu = await webgpu({ kernels: diffusionDecoderKernels });
  });
  afterAll(() => gpu?.dispose());

  const run = async (testCase: (typeof cases)[number], donated: boolean) => {
    const graph = graphFor(testCase);
    const drawn = Object.entries(randomTensors(testCase.inputs));
    const tensors = Object.fromEntries(drawn.map(([name, t]) => [name, convert(t, 'f32')]));
    const expected = interpret(graph, tensors);
    await using program = await gpu.compile(graph, donated ? { donate } : {});
    expect(program.dispatches).toBe(1);
    for (const [name, result] of Object.entries(await program.run(tensors))) {
      using held = result;
      expectClose(`${testCase.name}: ${name}`, await held.read(), expected[name], testCase.expectation);
    }
  };

  it.each(cases.map((testCase) => [testCase.name, testCase] as const))(
    '%s, in place and beside the old state',
    async (_, testCase) => {
      await run(testCase, true);
      await run(testCase, false);
    },
  );

  it('runs as its meaning where the state has more tensors than the kernel holds', async () => {
    const testCase = cases[0];
    const { shape } = testCase.inputs.state;
    const inputs = {
      ...testCase.inputs,
      state: { dtype: 'f32' as const, shape: [17, ...shape.slice(1)] },
      mixing: { dtype: 'f32' as const, shape: [18, 18] },
    };
    expect(gpu.plan(graphFor({ ...testCase, inputs }))).toContain('a state of 17 tensors > 16');
  });
});

it('validates on every tier', async () => {
  const gpu = await nullGpu();
  for (const tiers of [undefined, ['core'] as const]) {
    await using executor = await webgpu({ gpu, tiers, kernels: diffusionDecoderKernels });
    for (const testCase of cases) {
      await using program = await executor.compile(graphFor(testCase), { donate });
      expect(program.dispatches).toBe(1);
    }
  }
});
