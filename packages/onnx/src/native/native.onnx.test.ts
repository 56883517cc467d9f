import { type tensor, toF64 } from '@emu-ts/base';
import { type AnyOp, add, gradients, graphOf, input, sum, tensorType, type Value } from '@emu-ts/graph';
import * as nn from '@emu-ts/nn';
import type { OpCase } from '@emu-ts/testing';
import { cotangentsOf, expectEqual, randomInputs } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cases as conv2d } from '../../../nn/src/conv2d/cases.js';
import { cases as embedding } from '../../../nn/src/embedding/cases.js';
import { cases as gelu } from '../../../nn/src/gelu/cases.js';
import { cases as groupNorm } from '../../../nn/src/group-norm/cases.js';
import { cases as layerNorm } from '../../../nn/src/layer-norm/cases.js';
import { cases as linear } from '../../../nn/src/linear/cases.js';
import { cases as logSoftmax } from '../../../nn/src/log-softmax/cases.js';
import { matmulTransposedOp } from '../../../nn/src/matmul-transposed/op.js';
import { cases as quickGelu } from '../../../nn/src/quick-gelu/cases.js';
import { cases as rmsNorm } from '../../../nn/src/rms-norm/cases.js';
import { cases as rope } from '../../../nn/src/rope/cases.js';
import { cases as sdpa } from '../../../nn/src/sdpa/cases.js';
import { cases as sigmoid } from '../../../nn/src/sigmoid/cases.js';
import { cases as silu } from '../../../nn/src/silu/cases.js';
import { cases as softmax } from '../../../nn/src/softmax/cases.js';
import { cases as upsampleNearest } from '../../../nn/src/upsample-nearest/cases.js';
import { create } from '../../test/kit.js';
import { nativeLowerings, type OnnxExecutor } from '../index.js';

/** Every native lowering equals the f64 interpreter on the op's own cases, forward and through the gradient. */
const f32 = (...shape: number[]) => tensorType('f32', shape);
const smooth = (x: (readonly number[])[]): OpCase[] =>
  x.map((shape) => ({ name: `[${shape}]`, inputs: { x: f32(...shape) }, attrs: {} }));

const suites: readonly (readonly [AnyOp, readonly OpCase[]])[] = [
  [
    nn.linearOp,
    [
      ...linear,
      ...[1, 2, 5, 64, 65].map((rows) => ({
        name: `${rows} rows`,
        inputs: { x: f32(rows, 1451), weight: f32(1447, 1451), bias: f32(1447) },
        attrs: {},
      })),
      { name: 'few rows, no bias', inputs: { x: f32(3, 1, 1451), weight: f32(1447, 1451) }, attrs: {} },
      { name: 'more rows than outputs', inputs: { x: f32(9, 7), weight: f32(3, 7) }, attrs: {} },
    ],
  ],
  [nn.layerNormOp, layerNorm],
  [nn.rmsNormOp, rmsNorm],
  [
    nn.groupNormOp,
    [
      ...groupNorm,
      {
        name: 'odd',
        inputs: { x: f32(2, 6, 5, 7), weight: f32(6), bias: f32(6) },
        attrs: { groups: 3, eps: 1e-5 },
      },
    ],
  ],
  [nn.geluOp, gelu],
  [nn.quickGeluOp, quickGelu],
  [nn.siluOp, silu],
  [nn.sigmoidOp, sigmoid],
  [nn.softmaxOp, [...softmax, ...smooth([[3, 1], [7]])]],
  [nn.logSoftmaxOp, logSoftmax],
  [nn.sdpaOp, sdpa],
  [nn.ropeOp, rope],
  [nn.embeddingOp, embedding],
  [nn.conv2dOp, conv2d],
  [nn.upsampleNearestOp, upsampleNearest],
];

let executor: OnnxExecutor;
beforeAll(async () => {
  executor = await create();
});
afterAll(() => executor.dispose());

const symbolsOf = ({ inputs }: OpCase) =>
  Object.fromEntries(Object.entries(inputs).map(([name, type]) => [name, input(name, type)]));
const largest = ({ inputs }: OpCase) => Math.max(1, ...Object.values(inputs).flatMap(({ shape }) => shape));

describe.each(suites.map(([op, cases]) => [op.name, op, cases] as const))('%s', (name, op, cases) => {
  describe.each(cases.filter((c) => !c.benchOnly).map((c) => [c.name, c] as const))('%s', (_, testCase) => {
    const label = `${name} ${testCase.name}`;
    const expectation = { terms: largest(testCase), depth: 4, ...testCase.expectation };

    it('equals the interpreter', async () => {
      const tensors = randomInputs(testCase.inputs, testCase.given);
      const outputs = op(symbolsOf(testCase), testCase.attrs) as Record<string, Value>;
      const [first] = op.outputs as readonly string[];
      const plan = executor.plan(graphOf({ [first]: outputs[first] }));
      if (Object.values(testCase.inputs).every(({ dtype }) => dtype === 'f32' || dtype === 'i32'))
        expect(plan).toMatch(new RegExp(`^${name} ×1 as `));
      await expectEqual(executor, label, { [first]: outputs[first] }, tensors, expectation);
      await expectEqual(executor, label, outputs, tensors, expectation);
    });

    it('equals the interpreter through its gradient', async () => {
      const symbols = symbolsOf(testCase);
      const outputs = op(symbols, testCase.attrs) as Record<string, Value>;
      const [first] = op.outputs as readonly string[];
      const { gradients, seeds } = cotangentsOf(symbols, { [first]: outputs[first] });
      const tensors = { ...randomInputs(testCase.inputs, testCase.given), ...randomInputs(seeds, {}, 5) };
      await expectEqual(executor, label, gradients, tensors, { ...expectation, depth: 16 });
    });
  });
});

it('attends in blocks where the scores would be large', async () => {
  const q = input('q', f32(1, 2, 2100, 3));
  const kv = input('kv', f32(1, 2, 4100, 3));
  const { out } = nn.sdpaOp({ q, k: kv, v: kv }, { scale: 0.6, causal: false });
  expect(executor.plan(graphOf({ out }))).toBe('attention.sdpa ×1 as MultiHeadAttention');
  await expectEqual(executor, 'blocked', { out }, randomInputs({ q, kv }), { terms: 4100, depth: 4 });
});

it.each(conv2d.filter((c) => !c.benchOnly).map((c) => [c.name, c] as const))(
  'convolves with embedded weights: %s',
  async (_, testCase) => {
    const { y } = nn.conv2dOp(symbolsOf(testCase) as never, testCase.attrs as never);
    const weights = Object.keys(testCase.inputs).filter((name) => name !== 'x');
    expect(executor.plan(graphOf({ y }), weights)).toBe('nn.conv2d ×1 as Conv (embedded weight)');
    const tensors = randomInputs(testCase.inputs, testCase.given);
    const expectation = { terms: 9 * largest(testCase), ...testCase.expectation };
    await expectEqual(executor, testCase.name, { y }, tensors, expectation, weights);
  },
);

describe('normalisation of rows far from zero', () => {
  it.each([1, 10, 100])('loses no more than the rows themselves do, mean %d', async (mean) => {
    const shape = [5, 60];
    const x = input('x', tensorType('f32', shape));
    const weight = input('weight', f32(60));
    const tensors = randomInputs({ x, weight, bias: weight });
    const data = tensors.x.data as Float32Array;
    data.set(data.map((v) => v + mean));
    const { y } = nn.layerNormOp({ x, weight, bias: input('bias', weight) }, { eps: 1e-6 });
    // Rounding the statistics of numbers of this size.
    await expectEqual(executor, `mean ${mean}`, { y }, tensors, { terms: 60, magnitude: 4 * mean });
  });
});

describe.each([
  [nn.linearInt4Op, 4],
  [nn.linearInt8Op, 8],
] as const)('%o', (op, bits) => {
  const [k, n] = [75, 37];
  const build = (rows: number) => {
    const { codes, scales } = quantised();
    const symbols = {
      x: input('x', f32(rows, k)),
      codes: input('codes', codes),
      scales: input('scales', scales),
      bias: input('bias', f32(n)),
    };
    return { symbols, ...op(symbols, {}) };
  };
  const quantised = () => {
    const weight = randomInputs({ weight: f32(n, k) }).weight as ReturnType<typeof tensor<'f32'>>;
    return nn.quantizeLinear(weight, bits);
  };

  it.each([1, 3])('rounds activations to 8 bits, %d rows', async (rows) => {
    const { symbols, y } = build(rows);
    const { x, bias } = randomInputs({ x: symbols.x, bias: symbols.bias });
    const tensors = { x, bias, ...quantised() };
    const weights = ['codes', 'scales', 'bias'];
    expect(executor.plan(graphOf({ y }), weights)).toBe(`${op.name} ×1 as MatMulNBits (int8 activations)`);
    // Every activation is within half a step of 1/127 of its group's largest: as coarse as bf16.
    const magnitude = Math.max(...toF64(tensors.x).map(Math.abs));
    await expectEqual(executor, op.name, { y }, tensors, { dtype: 'bf16', terms: k, magnitude }, weights);
  });

  it('is decomposed, and says why, when its weights are not at hand', async () => {
    const { symbols, y } = build(3);
    const { x, bias } = randomInputs({ x: symbols.x, bias: symbols.bias });
    const tensors = { x, bias, ...quantised() };
    expect(executor.plan(graphOf({ y }))).toContain(
      `${op.name} ×1 decomposed: codes and scales must be given as weights`,
    );
    await expectEqual(executor, op.name, { y }, tensors, { terms: k });
  });
});

it('says what runs natively, what is decomposed, and why', () => {
  const x = input('x', f32(2, 3, 5, 8));
  const { out, logsumexp } = nn.sdpaOp({ q: x, k: x, v: x }, { scale: 1, causal: false });
  const half = nn.silu(input('half', tensorType('f16', [4])));
  const y = nn.gelu(nn.gelu(input('z', f32(4))));
  const trained = input('trained', f32(4));
  const [gradient] = gradients(sum(nn.gelu(trained)), [trained]);
  const both = add(nn.gelu(trained), gradient);
  expect(executor.plan(graphOf({ out, logsumexp, half, y, both }))).toMatchInlineSnapshot(`
    "attention.sdpa ×1 decomposed: scores of 0.0 MiB are few enough; logsumexp is read (training)
    nn.gelu ×1 decomposed: x is read elsewhere (training)
    nn.gelu ×2 as Gelu
    nn.matmul_transposed ×1 as FusedMatMul
    nn.sigmoid ×1 decomposed: only f32, x is f16
    nn.silu ×1 decomposed: only f32, x is f16
    nn.softmax ×1 as Softmax"
  `);
});

it('shares the softmax of attention with its gradient', () => {
  const [q, k, v] = ['q', 'k', 'v'].map((name) => input(name, f32(2, 3, 5, 8)));
  const { out } = nn.sdpaOp({ q, k, v }, { scale: 0.5, causal: true });
  const [gradient] = gradients(sum(out), [q]);
  const plan = executor.plan(graphOf({ out, gradient }));
  expect(plan).toContain('q is read elsewhere (training)');
  expect(plan).toContain('nn.softmax ×1 as Softmax');
});

it('knows every lowering from a layer that exists', () => {
  const names = new Set(Object.values(nn).map((op) => (typeof op === 'function' ? op.name : '')));
  // Of a package above this one, whose own tests run it here.
  names.add('training.sum_of_squares');
  names.add(matmulTransposedOp.name); // stands in no model
  for (const { op } of nativeLowerings) expect(names).toContain(op);
});
