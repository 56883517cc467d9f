import type { HostTensor } from '@emu-ts/base';
import { graphOf, input, interpret, type Value } from '@emu-ts/graph';
import { describeGpu } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';
import { expect, it } from 'vitest';
import { languageModelKernels } from '../webgpu.js';
import { cases } from './cases.js';
import { nextBeamsOp } from './op.js';

describeGpu('language_model.next_beams', () => {
  it('goes on with the very beams, scores and pasts that its meaning does, in one dispatch', async () => {
    await using gpu = await webgpu({ kernels: languageModelKernels });
    for (const { name, inputs, attrs, given } of cases) {
      const symbols = Object.fromEntries(
        Object.entries(inputs).map(([key, type]) => [key, input(key, type)]),
      );
      const graph = graphOf(
        nextBeamsOp(symbols as never, attrs as never) as unknown as Record<string, Value>,
      );
      const tensors = given as Record<string, HostTensor>;
      const expected = interpret(graph, tensors);
      await using program = await gpu.compile(graph);
      expect(program.dispatches).toBe(1);
      for (const [output, result] of Object.entries(await program.run(tensors))) {
        using held = result;
        const { data } = await held.read();
        expect([...data].map(Number), `${name} ${output}`).toEqual(
          [...expected[output].data].map(output === 'scores' ? Math.fround : Number),
        );
      }
    }
  });
});
