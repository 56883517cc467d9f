import { type AnyOp, graphOf, input, primitives, tensorType } from '@emu-ts/graph';
import { describeGpu, expectEqual, nullGpu, randomInputs } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { type AnyKernel, webgpu } from '../index.js';
import { conv2d } from './conv2d.js';

/** Gradients of convolutions, every rung alone, on sizes that reach the edges of tiles, and long enough to be split. */
interface Case {
  readonly name: string;
  readonly x: readonly [n: number, c: number, h: number, w: number];
  readonly weight: readonly [o: number, c: number, kh: number, kw: number];
  readonly strides: readonly [number, number];
  readonly padding: readonly [top: number, left: number, bottom: number, right: number];
}
const cases: readonly Case[] = [
  {
    name: 'odd sizes, uneven strides and padding',
    x: [2, 17, 9, 7],
    weight: [19, 17, 3, 2],
    strides: [2, 1],
    padding: [1, 0, 1, 2],
  },
  {
    name: 'points',
    x: [1, 20, 8, 9],
    weight: [70, 20, 1, 1],
    strides: [1, 1],
    padding: [0, 0, 0, 0],
  },
  {
    name: 'patches that leave a border',
    x: [2, 3, 17, 18],
    weight: [18, 3, 4, 4],
    strides: [4, 4],
    padding: [0, 0, 0, 0],
  },
  {
    name: 'many positions',
    x: [2, 16, 22, 24],
    weight: [16, 16, 3, 3],
    strides: [1, 1],
    padding: [1, 1, 1, 1],
  },
  {
    name: 'many outputs',
    x: [1, 17, 5, 5],
    weight: [130, 17, 3, 3],
    strides: [1, 1],
    padding: [1, 1, 1, 1],
  },
];

const types = ({ x, weight, strides, padding }: Case, dtype: 'f32' | 'f16') => {
  const out = [0, 1].map(
    (i) => Math.floor((x[2 + i] + padding[i] + padding[2 + i] - weight[2 + i]) / strides[i]) + 1,
  );
  return {
    x: tensorType(dtype, x),
    weight: tensorType(dtype, weight),
    dy: tensorType(dtype, [x[0], weight[0], ...out]),
  };
};

function gradientOf(op: AnyOp, given: Case, dtype: 'f32' | 'f16' = 'f32') {
  const { strides, padding } = given;
  const { x, weight, dy } = types(given, dtype);
  if (op === (primitives.conv2d_input_grad as AnyOp)) {
    const operands = { dy: input('dy', dy), weight: input('weight', weight) };
    const { y } = primitives.conv2d_input_grad(operands, {
      strides,
      padding,
      size: [given.x[2], given.x[3]],
    });
    return { operands, y, terms: given.weight[0] * given.weight[2] * given.weight[3] };
  }
  const operands = { x: input('x', x), dy: input('dy', dy) };
  const { y } = primitives.conv2d_weight_grad(operands, {
    strides,
    padding,
    kernel: [given.weight[2], given.weight[3]],
  });
  return { operands, y, terms: dy.shape[0] * dy.shape[2] * dy.shape[3] };
}

const kernels = [...conv2d.conv2d_input_grad, ...conv2d.conv2d_weight_grad];
const byName = kernels.map((kernel) => [kernel.name, kernel] as const);

const claims = ({ supports }: AnyKernel, y: ReturnType<typeof gradientOf>['y']): boolean =>
  (supports?.({ ...y.node.inputs, y }, y.node.attrs, {
    features: new Set(),
    languageFeatures: new Set(),
    limits: {},
    vendor: '',
    subgroupMinSize: 4,
    subgroupMaxSize: 4,
    matrixUnits: 'none here',
  }) ?? true) === true;

describeGpu('gradients of convolutions', () => {
  it.each(byName)('%s', async (name, kernel) => {
    await using gpu = await webgpu({ kernels: [kernel] });
    let compared = 0;
    for (const given of cases) {
      const { operands, y, terms } = gradientOf(kernel.op, given);
      if (!claims(kernel, y)) continue;
      await expectEqual(gpu, `${name} ${given.name}`, { y }, randomInputs(operands), { terms });
      compared++;
    }
    expect(compared).toBeGreaterThan(2);
  });
});

describe('on the null backend', async () => {
  const gpu = await nullGpu();
  it.each(byName)('%s validates with halves, as a type and packed', async (_, kernel) => {
    for (const tiers of [undefined, ['core'] as const]) {
      await using executor = await webgpu({ gpu, tiers, kernels: [kernel] });
      for (const given of cases) {
        const { y } = gradientOf(kernel.op, given, 'f16');
        if (!claims(kernel, y)) continue;
        await using program = await executor.compile(graphOf({ y }));
        expect(program.plan()).toContain(` by ${kernel.name}`);
      }
    }
  });
});
