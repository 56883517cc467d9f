import { allocate } from '@emu-ts/base';
import { type AnyOp, type Graph, graphOf, input, primitives, tensorType, type Value } from '@emu-ts/graph';
import { type Bench, hasGraphicsCard, prepareGpu } from '@emu-ts/testing';
import { type AnyKernel, webgpu } from '../src/index.js';
import { conv2d } from '../src/primitives/conv2d.js';

/**
 * Gradients of a 3 × 3 convolution in tiles, beside one invocation an element, in one process: a level of Emu's UNet on a
 * graphics card, one tile of channels in software.
 */
const full = hasGraphicsCard();
const [channels, side] = full ? [320, 64] : [64, 16];
const geometry = { strides: [1, 1], padding: [1, 1, 1, 1] } as const;
const map = (name: string) => input(name, tensorType('f32', [2, channels, side, side]));
const weight = input('weight', tensorType('f32', [channels, channels, 3, 3]));

const cases: readonly { readonly y: Value; readonly kernels: readonly AnyKernel[] }[] = [
  {
    y: primitives.conv2d_input_grad({ dy: map('dy'), weight }, { ...geometry, size: [side, side] }).y,
    kernels: conv2d.conv2d_input_grad,
  },
  {
    y: primitives.conv2d_weight_grad({ x: map('x'), dy: map('dy') }, { ...geometry, kernel: [3, 3] }).y,
    kernels: conv2d.conv2d_weight_grad,
  },
];

/** Milliseconds of the fastest of five runs, after one to warm up. */
async function fastest(graph: Graph, kernel: AnyKernel): Promise<number> {
  prepareGpu();
  await using executor = await webgpu({ kernels: [kernel] });
  await using program = await executor.compile(graph);
  const tensors = Object.fromEntries(
    Object.entries(graph.inputs).map(([name, { shape }]) => {
      const data = allocate(
        'f32',
        shape.reduce((n, d) => n * d, 1),
      ) as Float32Array;
      return [name, { dtype: 'f32' as const, shape, data: data.map((_, i) => ((i % 251) - 125) / 125) }];
    }),
  );
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 6; i++) {
    const start = performance.now();
    const { y } = await program.run(tensors);
    await y.read();
    y.dispose();
    if (i > 0) best = Math.min(best, performance.now() - start);
  }
  return best;
}

export const benches: readonly Bench[] = cases.map(({ y, kernels: [tiled, naive] }) => {
  const op: AnyOp = y.node.op;
  return {
    name: `webgpu gradients: ${op.name} of ${channels} channels at ${side} × ${side}`,
    unit: 'ms',
    async run() {
      const graph = graphOf({ y });
      const value = await fastest(graph, tiled);
      return { value, baseline: { name: naive.name, value: await fastest(graph, naive) } };
    },
  };
});
