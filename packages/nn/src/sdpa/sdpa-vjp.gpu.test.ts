import { convert } from '@emu-ts/base';
import { graphOf, input, interpret, tensorType } from '@emu-ts/graph';
import { describeGpu, expectClose, randomTensors } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';
import { expect, it } from 'vitest';
import { nnKernels } from '../webgpu.js';
import { backwardOf } from './cases.js';
import { sdpaVjpOp } from './op.js';

/** Where nobody reads the cotangents of scores, tiles that causal attention hides are not walked. */
describeGpu('the backward pass of causal attention', () => {
  it('leaves out what is hidden', async () => {
    const [t, d] = [70, 12];
    const heads = tensorType('f32', [1, 2, t, d]);
    const attrs = { scale: d ** -0.5, causal: true };
    const { inputs, given } = backwardOf({ name: 'causal', inputs: { q: heads, k: heads, v: heads }, attrs });
    const symbols = Object.fromEntries(
      Object.entries(inputs).map(([name, type]) => [name, input(name, type)]),
    );
    const { dscores: _, ...outputs } = sdpaVjpOp(symbols as Parameters<typeof sdpaVjpOp>[0], attrs);
    const graph = graphOf(outputs);
    const drawn = Object.entries({ ...randomTensors(inputs), ...given });
    const tensors = Object.fromEntries(drawn.map(([name, x]) => [name, convert(x, 'f32')]));
    await using gpu = await webgpu({ kernels: nnKernels });
    await using program = await gpu.compile(graph);
    expect(program.plan()).toBe('attention.sdpa_vjp ×1 by attention.sdpa_vjp tiles');
    const expected = interpret(graph, tensors);
    for (const [name, result] of Object.entries(await program.run(tensors))) {
      using held = result;
      expectClose(`causal ${name}`, await held.read(), expected[name], { terms: t * d, depth: 4 });
    }
  });
});
