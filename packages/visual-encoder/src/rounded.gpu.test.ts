import { convert } from '@emu-ts/base';
import { type AnyOp, graphOf, interpret, type Value } from '@emu-ts/graph';
import { describeGpu, expectClose, randomTensors, withMatrixUnits } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';
import { expect, it } from 'vitest';
import { claims, suites, symbols } from './kernel-cases.js';
import { visualEncoderRoundedKernels } from './webgpu.js';

/** Kernels on matrix units, whose products run in plain WGSL here. A page gives no device to translate for. */
describeGpu.each(visualEncoderRoundedKernels.map((kernel) => [kernel.name, kernel] as const))(
  '%s',
  (_, kernel) => {
    it('equals the interpreter from halves', async () => {
      await using plain = await webgpu();
      await using gpu = await webgpu({ device: withMatrixUnits(plain.device), kernels: [kernel] });
      const { inputs, attrs, terms } = suites[kernel.op.name].findLast(({ inputs, attrs }) => {
        const { y } = (kernel.op as AnyOp)(symbols(inputs), attrs) as Record<string, Value>;
        return claims(kernel, y, gpu) === true;
      })!;
      const graph = graphOf((kernel.op as AnyOp)(symbols(inputs), attrs) as Record<string, Value>);
      const tensors = Object.fromEntries(
        Object.entries(randomTensors(inputs)).map(([operand, drawn]) => [
          operand,
          convert(convert(drawn, 'f16'), 'f32'),
        ]),
      );
      await using program = await gpu.compile(graph);
      expect(program.plan()).toContain(`by ${kernel.name}`);
      using found = (await program.run(tensors)).y;
      expectClose(`${kernel.name}`, await found.read(), interpret(graph, tensors).y, { terms });
    });
  },
);
