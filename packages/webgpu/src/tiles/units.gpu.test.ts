import { graphOf, input, matmul, tensorType } from '@emu-ts/graph';
import { describeGpu, expectEqual, randomInputs, withMatrixUnits } from '@emu-ts/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { roundedKernels, type WebGpuExecutor, webgpu } from '../index.js';

/**
 * Products on matrix units, where there are none: their tiles, steps and edges run in plain WGSL (`withMatrixUnits`) against the
 * interpreter. What units themselves would compile is validated with every other variant.
 */
const f32 = (...shape: number[]) => tensorType('f32', shape);
const f16 = (...shape: number[]) => tensorType('f16', shape);

/** Tiles that end early, k that is no step, batches of one and of all, k that is split. */
const shapes = [
  { a: f32(130, 36), b: f32(36, 68) },
  { a: f32(17, 33), b: f32(33, 65) },
  { a: f16(2, 3, 20, 40), b: f16(3, 40, 18) },
  { a: f32(16, 1090), b: f32(1090, 64) },
];

describeGpu('products on matrix units', () => {
  let plain: WebGpuExecutor;
  let gpu: WebGpuExecutor;
  beforeAll(async () => {
    plain = await webgpu();
    gpu = await webgpu({ device: withMatrixUnits(plain.device), kernels: roundedKernels });
  });
  afterAll(async () => {
    await gpu?.dispose();
    await plain?.dispose();
  });

  it.each(shapes.map((types) => [`[${types.a.shape}] × [${types.b.shape}]`, types] as const))(
    '%s',
    async (label, types) => {
      const y = matmul(input('a', types.a), input('b', types.b));
      expect(gpu.plan(graphOf({ y }))).toBe('prim.matmul ×1 by prim.matmul matrix units');
      const terms = types.a.shape[types.a.shape.length - 1];
      await expectEqual(gpu, label, { y }, randomInputs(types), { dtype: 'f16', terms });
    },
  );

  it('are used where a test product is right', () => {
    expect(gpu.report()).toContain('subgroup-matrix yes: a test product is right');
  });

  const halves = { componentType: 'f16', resultComponentType: 'f16', M: 16, N: 16, K: 16 };
  it.each([
    ['no matrices are listed', { configs: [] }, 'no matrices of f16 16×16×16 into f32 (none at all)'],
    [
      'only sums in f16 are listed',
      { configs: [halves] },
      'no matrices of f16 16×16×16 into f32 (f16 16×16×16 into f16)',
    ],
    [
      'a matrix is loaded the wrong way round',
      {
        spoil: (code: string) =>
          code.replace('_right<f16, 16, 16>, col_major', '_right<f16, 16, 16>, row_major'),
      },
      /a test product along k gives -?[0-9]+, not -?[0-9]+/,
    ],
    [
      'a sum starts anew',
      { spoil: (code: string) => code.replace('(turned, lying, across)', '(turned, lying, along)') },
      /a test product across k gives -?[0-9]+, not -?[0-9]+/,
    ],
  ] as const)('are not used where %s', async (_, pretended, reason) => {
    const device = withMatrixUnits(plain.device, pretended);
    await using other = await webgpu({ device, kernels: roundedKernels });
    const y = matmul(input('a', f32(64, 64)), input('b', f32(64, 64)));
    const plan = other.plan(graphOf({ y }));
    expect(plan).toMatch(reason);
    expect(plan).toContain('by prim.matmul tiled vec4 (prim.matmul matrix units: no matrix units: ');
  });
});
