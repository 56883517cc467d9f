import { tensor } from '@emu-ts/base';
import {
  add,
  defineOp,
  div,
  exp,
  graphOf,
  input,
  last,
  mean,
  mul,
  neg,
  pullback,
  rsqrt,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import { expectEqual, randomInputs } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { gpujs, type JsKernel, jsKernel, type Mode } from './index.js';

/** y = x / √(mean x² + ε) · weight, with an optional bias. */
const rmsNormOp = defineOp({
  name: 'test.rms_norm',
  inputs: ['x', 'weight', 'bias?'],
  outputs: ['y', 'rstd'],
  infer: ({ x }, _: { eps: number }) => ({
    y: x,
    rstd: { dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1] },
  }),
  decompose({ x, weight, bias }, { eps }) {
    const rstd = rsqrt(add(mean(mul(x, x), -1, true), eps));
    const y = mul(mul(x, rstd), weight);
    return { y: bias ? add(y, bias) : y, rstd };
  },
});

const rmsNorm = jsKernel(rmsNormOp, {
  operands: ['x', 'weight'],
  supports: ({ x, bias }) => (bias ? 'a bias' : last(x) <= 64 || 'wider than 64'),
  constants: ({ x }, { eps }) => ({ width: last(x), eps }),
  outputs: {
    y(x, weight) {
      const column = this.thread.x % this.constants.width;
      const first = this.thread.x - column;
      let squares = 0;
      for (let j = 0; j < this.constants.width; j++) {
        squares += x[first + j] * x[first + j];
      }
      const rstd = 1 / Math.sqrt(squares / this.constants.width + this.constants.eps);
      return x[this.thread.x] * rstd * weight[column];
    },
  },
});

const types = (width: number) => ({ x: tensorType('f32', [3, width]), weight: tensorType('f32', [width]) });
const values = (width: number) => {
  const { x, weight } = types(width);
  return { x: input('x', x), weight: input('weight', weight) };
};

describe.each<Mode>(['cpu', 'wasm'])('jsKernel in mode %s', (mode) => {
  const planOf = async (outputs: Record<string, Value>, kernels: JsKernel[]) => {
    await using executor = await gpujs({ mode, kernels });
    const program = await executor.compile(graphOf(outputs));
    return program.plan();
  };

  it('takes the place of the decomposition, and of nothing in its gradient', async () => {
    await using executor = await gpujs({ mode, kernels: [rmsNorm] });
    const { x, weight } = values(60);
    const { y } = rmsNormOp({ x, weight }, { eps: 1e-5 });
    const tensors = randomInputs(types(60));
    await expectEqual(executor, 'rms norm', { y }, tensors, { terms: 60 });
    const dy = input('dy', y);
    const [dx, dweight] = pullback([[y, dy]], [x, weight]) as Value[];
    const all = { ...tensors, ...randomInputs({ dy }, {}, 2) };
    await expectEqual(executor, 'rms norm', { dx, dweight }, all, { terms: 60 });
  });

  it('tells in the plan what ran how', async () => {
    const { x, weight } = values(60);
    const { y } = rmsNormOp({ x, weight }, { eps: 1e-5 });
    expect(await planOf({ y }, [rmsNorm])).toBe(
      `test.rms_norm ×1 by test.rms_norm\n1 kernel calls in mode ${mode}: test.rms_norm ×1`,
    );
    expect(await planOf({ y }, [])).toMatch(/^test\.rms_norm ×1 decomposed: no kernel\n\d+ kernel calls/);
  });

  it('gives the reasons of kernels that do not apply', async () => {
    const plan = async (outputs: Record<string, Value>) => (await planOf(outputs, [rmsNorm])).split('\n')[0];
    const { x, weight } = values(60);
    const wide = rmsNormOp(values(65), { eps: 1e-5 });
    expect(await plan({ y: wide.y })).toBe('test.rms_norm ×1 decomposed: wider than 64');
    const both = rmsNormOp({ x, weight }, { eps: 1e-5 });
    expect(await plan({ y: both.y, rstd: both.rstd })).toBe('test.rms_norm ×1 decomposed: rstd is read');
    const biased = rmsNormOp({ x, weight, bias: input('bias', weight) }, { eps: 1e-5 });
    expect(await plan({ y: biased.y })).toBe('test.rms_norm ×1 decomposed: a bias');
    const everyOperand = jsKernel(rmsNormOp, { outputs: { y: (x) => x[0] } });
    expect((await planOf({ y: both.y }, [everyOperand])).split('\n')[0]).toBe(
      'test.rms_norm ×1 decomposed: no bias',
    );
  });

  it('takes the first that supports a node', async () => {
    const never = jsKernel(rmsNormOp, { name: 'never', supports: () => 'never', outputs: {} });
    const second = jsKernel(rmsNormOp, {
      name: 'second',
      operands: ['x'],
      outputs: { y: 'function (x) { return 7; }' },
    });
    const { y } = rmsNormOp(values(8), { eps: 1e-5 });
    expect(await planOf({ y }, [never, second, rmsNorm])).toContain('test.rms_norm ×1 by second');
  });

  it('runs the kernel of the guide, also where an exponential overflows', async () => {
    const swigluOp = defineOp({
      name: 'test.swiglu',
      inputs: ['gate', 'up'],
      outputs: ['y'],
      infer: ({ gate }, _: Record<string, never>) => ({ y: gate }),
      decompose: ({ gate, up }) => ({ y: mul(div(gate, add(exp(neg(gate)), 1)), up) }),
    });
    const swiglu = jsKernel(swigluOp, {
      outputs: {
        y(gate, up) {
          const g = gate[this.thread.x];
          return (g / (1 + Math.exp(-g))) * up[this.thread.x];
        },
      },
    });
    await using executor = await gpujs({ mode, kernels: [swiglu] });
    const wide = tensorType('f32', [7, 11]);
    const { y } = swigluOp({ gate: input('gate', wide), up: input('up', wide) }, {});
    const gates = Array.from({ length: 77 }, (_, i) => (i - 60) * 10);
    const tensors = randomInputs({ gate: wide, up: wide }, { gate: tensor('f32', [7, 11], gates) });
    await expectEqual(executor, 'swiglu', { y }, tensors, { terms: 2 });
  });

  it('lays threads out as asked', async () => {
    const places = jsKernel(rmsNormOp, {
      operands: [],
      threads: ({ shape: [rows, columns] }) => [columns, rows],
      outputs: {
        y() {
          return this.thread.y * 10 + this.thread.x;
        },
      },
    });
    await using executor = await gpujs({ mode, kernels: [places] });
    const { y } = rmsNormOp(values(3), { eps: 0 });
    const program = await executor.compile(graphOf({ y }));
    const results = await program.run({ x: tensor('f32', [3, 3]), weight: tensor('f32', [3]) });
    expect([...(await results.y.read()).data]).toEqual([0, 1, 2, 10, 11, 12, 20, 21, 22]);
  });

  it('reports a source that gpu.js cannot read', async () => {
    const broken = jsKernel(rmsNormOp, {
      operands: ['x'],
      outputs: { y: 'function (x) { return missing(x); }' },
    });
    await using executor = await gpujs({ mode, kernels: [broken] });
    const { y } = rmsNormOp(values(3), { eps: 0 });
    const program = await executor.compile(graphOf({ y }));
    const given = { x: tensor('f32', [3, 3]), weight: tensor('f32', [3]) };
    await expect(program.run(given)).rejects.toMatchObject({
      code: 'KERNEL',
      message: expect.stringContaining('test.rms_norm'),
    });
  });
});
