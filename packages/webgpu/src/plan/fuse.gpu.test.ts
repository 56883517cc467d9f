import {
  add,
  defineOp,
  expectShape,
  graphOf,
  input,
  mul,
  primitives,
  reshape,
  sub,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import { describeGpu, expectEqual, randomInputs } from '@emu-ts/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { defineKernel, type Pattern, type WebGpuExecutor, webgpu } from '../index.js';

/** y = x · scale + residual, and the product on its own. */
const scaledSum = defineOp({
  name: 'test.scaled_sum',
  inputs: ['x', 'scale', 'residual'],
  outputs: ['y', 'product'],
  infer({ x, residual }, _: Record<string, never>) {
    expectShape('test.scaled_sum', 'residual', residual, x.shape);
    return { y: x, product: x };
  },
  decompose({ x, scale, residual }) {
    const product = mul(x, scale);
    return { y: add(product, residual), product };
  },
});
const kernelOf = (product: Pattern) =>
  defineKernel(scaledSum, {
    name: 'test.scaled_sum',
    source: `@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {
      for (var i = lane; i < params.size; i += 64u) {
        let product = load_x(i) * load_scale(i % 4u);
        store_product(i, product);
        store_y(i, product + load_residual(i));
      }
    }`,
    fuses: [{ root: { op: primitives.add, inputs: { a: product, b: 'residual' } }, attrs: () => ({}) }],
    supports: ({ x, scale }) => (scale.shape[0] === 4 ? true : `${x.shape.length} axes but no scale of 4`),
    params: ({ x }) => ({ size: ['u32', x.shape.reduce((n, d) => n * d, 1)] }),
    uniforms: ['scale', 'residual'],
    workgroups: () => 1,
  });
const product: Pattern = { op: primitives.mul, inputs: { a: 'x', b: 'scale' } };

const f32 = (...shape: number[]) => tensorType('f32', shape);
const [x, scale, residual] = [input('x', f32(3, 4)), input('scale', f32(4)), input('residual', f32(12))];

describeGpu('fusion', () => {
  let gpu: WebGpuExecutor;
  let keeping: WebGpuExecutor;
  beforeAll(async () => {
    gpu = await webgpu({ kernels: [kernelOf(product)] });
    keeping = await webgpu({ kernels: [kernelOf({ ...product, keeps: { y: 'product' } })] });
  });
  afterAll(async () => {
    await gpu?.dispose();
    await keeping?.dispose();
  });

  /** Compares with the interpreter on the graph as it is written, and says how it ran. */
  const run = async (outputs: Record<string, Value>, executor = gpu): Promise<string> => {
    const graph = graphOf(outputs);
    await expectEqual(executor, 'fusion', outputs, randomInputs(graph.inputs), { depth: 2 });
    return executor.plan(graph);
  };
  const fused = 'test.scaled_sum ×1 by test.scaled_sum\ntest.scaled_sum ×1 fuses prim.add, prim.mul';

  it('finds a pattern either way round and through reshapes', async () => {
    const straight = add(mul(x, scale), reshape(residual, [3, 4]));
    expect(await run({ y: straight })).toBe(fused);
    expect(await run({ y: reshape(add(reshape(residual, [3, 4]), mul(scale, x)), [2, 6]) })).toBe(fused);
  });

  it('leaves alone what something else reads from the inside, or what is an output itself', async () => {
    const inside = mul(x, scale);
    const y = add(inside, reshape(residual, [3, 4]));
    expect(await run({ y, inside })).not.toContain('fuses');
    expect(await run({ y, other: sub(inside, 1) })).not.toContain('fuses');
  });

  it('computes again what is shared, and leaves it to others', async () => {
    await using sharing = await webgpu({ kernels: [kernelOf({ ...product, shared: true })] });
    const inside = mul(x, scale);
    const both = { y: add(inside, reshape(residual, [3, 4])), z: add(inside, x) };
    expect(await run(both, sharing)).toBe(
      'test.scaled_sum ×2 by test.scaled_sum\ntest.scaled_sum ×2 fuses prim.add',
    );
    expect(await run({ ...both, other: sub(inside, 1) }, sharing)).toContain('prim.mul ×1 by prim.mul');
  });

  it('leaves to others what it fuses late', async () => {
    const { fuses = [], ...rest } = kernelOf({ op: primitives.mul, inputs: { a: 'x', b: 'scale' } });
    const late = { ...rest, fuses: fuses.map((fusion) => ({ ...fusion, late: true })) };
    const doubled = defineOp({
      name: 'test.doubled',
      inputs: ['x'],
      outputs: ['y'],
      infer: ({ x: doubling }, _: Record<string, never>) => ({ y: doubling }),
      decompose: ({ x: doubling }) => ({ y: add(doubling, doubling) }),
    });
    const doubledKernel = defineKernel(doubled, {
      name: 'test.doubled',
      source: `@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) {
        if (i < 12u) { store_y(i, 2.0 * load_x(i)); }
      }`,
      fuses: [
        {
          root: { op: primitives.add, inputs: { a: 'x', b: 'x' } },
          attrs: () => ({}),
        },
      ],
      workgroups: () => 1,
    });
    await using both = await webgpu({ kernels: [late, doubledKernel] });
    const once = mul(x, scale);
    expect(await run({ y: add(once, once) }, both)).toContain('test.doubled ×1 fuses prim.add');
    expect(await run({ y: add(once, reshape(residual, [3, 4])) }, both)).toContain(
      '×1 fuses prim.add, prim.mul',
    );
  });

  it('fuses each of several, one upon the other', async () => {
    const once = add(mul(x, scale), reshape(residual, [3, 4]));
    expect(await run({ y: add(mul(once, scale), once) })).toContain('×2 fuses prim.add, prim.mul');
  });

  it('says why a fusion was not made', async () => {
    const wide = mul(x, input('wide', f32(3, 4)));
    expect(await run({ y: add(wide, reshape(residual, [3, 4])) })).toContain(
      'test.scaled_sum ×1 not fused: test.scaled_sum: 2 axes but no scale of 4',
    );
    expect(await run({ y: add(mul(x, scale), input('row', f32(4))) })).toContain(
      "×1 not fused: test.scaled_sum: test.scaled_sum: 'residual' must be [3,4], got f32[4]",
    );
  });

  it('keeps what the fused op puts out too, unless that closes a circle', async () => {
    const inside = mul(x, scale);
    const open = { y: add(inside, reshape(residual, [3, 4])), next: sub(inside, 1) };
    expect(await run(open, keeping)).toContain('fuses');
    expect(await run({ y: add(inside, sub(inside, 1)) }, keeping)).not.toContain('fuses');
  });
});
