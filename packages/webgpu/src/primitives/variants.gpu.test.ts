import { type AnyOp, primitiveName, tensorType } from '@emu-ts/graph';
import { nullDevice, nullGpu, type OpCase, validatedDispatches } from '@emu-ts/testing';
import { expect, it } from 'vitest';
import { cases } from '../../../graph/src/primitives/cases.js';
import { type AnyKernel, roundedKernels, webgpu } from '../index.js';
import { primitiveKernels } from './index.js';

/**
 * Every variant of every kernel compiles and validates on Dawn's null backend, which has all features: with f32 stored,
 * and with f16 both as its own type and packed.
 */
const f32 = (...shape: number[]) => tensorType('f32', shape);
const extra: Partial<Record<string, Omit<OpCase, 'name'>[]>> = {
  matmul: [
    { inputs: { a: f32(64, 32), b: f32(32, 64) }, attrs: {} },
    { inputs: { a: f32(65, 33), b: f32(33, 66) }, attrs: {} },
    { inputs: { a: f32(20, 1040), b: f32(1040, 36) }, attrs: {} },
  ],
  conv2d_input_grad: [
    {
      inputs: { dy: f32(1, 16, 5, 5), weight: f32(16, 16, 3, 3) },
      attrs: { strides: [1, 1], padding: [1, 1, 1, 1], size: [5, 5] },
    },
  ],
  conv2d_weight_grad: [
    {
      inputs: { x: f32(1, 16, 5, 5), dy: f32(1, 16, 5, 5) },
      attrs: { strides: [1, 1], padding: [1, 1, 1, 1], kernel: [3, 3] },
    },
  ],
  sum: [{ inputs: { x: f32(2, 256) }, attrs: { axes: [1] } }],
  max_reduce: [{ inputs: { x: f32(2, 256) }, attrs: { axes: [1] } }],
  full: [{ inputs: {}, attrs: { shape: [3], dtype: 'f32', value: 1 } }],
  iota: [{ inputs: {}, attrs: { shape: [3], dtype: 'i32', axis: 0 } }],
};
const divisible = { x: f32(2, 4), a: f32(2, 4), b: f32(2, 4) };

it.each(
  [...Object.values(primitiveKernels).flat(), ...roundedKernels].map(
    (kernel) => [kernel.name, kernel] as const,
  ),
)('%s validates', async (_, kernel: AnyKernel) => {
  const name = primitiveName(kernel.op) as keyof typeof cases;
  const op = kernel.op as AnyOp;
  const wider = (op.inputs as readonly string[]).every?.((operand) => operand in divisible)
    ? [
        {
          inputs: Object.fromEntries((op.inputs as string[]).map((o) => [o, divisible[o as 'x']])),
          attrs: {},
        },
      ]
    : [];
  const given = [...cases[name].cases, ...(extra[name] ?? []), ...(kernel.elementwise ? wider : [])];
  expect(await validatedDispatches(kernel, given)).toBeGreaterThan(0);
});

it('has every tier on the null backend', async () => {
  const gpu = await nullGpu();
  await using executor = await webgpu({ gpu, device: await nullDevice(gpu), assumed: ['subgroup-matrix'] });
  expect(executor.capabilities.tiers.filter(({ taken }) => !taken)).toEqual([]);
});
