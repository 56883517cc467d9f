import { convert, isFloat, random, tensor } from '@emu-ts/base';
import {
  type AnyOp,
  graphOf,
  input,
  interpret,
  type TensorType,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import { describeGpu, expectClose, type OpCase, randomTensors, validatedDispatches } from '@emu-ts/testing';
import { type AnyKernel, type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as conv2d from './conv2d/cases.js';
import * as crossEntropy from './cross-entropy/cases.js';
import * as embedding from './embedding/cases.js';
import * as gelu from './gelu/cases.js';
import * as groupNorm from './group-norm/cases.js';
import * as layerNorm from './layer-norm/cases.js';
import * as linear from './linear/cases.js';
import * as logSoftmax from './log-softmax/cases.js';
import { casesOf } from './quantized-linear/cases.js';
import * as quickGelu from './quick-gelu/cases.js';
import * as rmsNorm from './rms-norm/cases.js';
import * as rope from './rope/cases.js';
import * as sdpa from './sdpa/cases.js';
import * as sigmoid from './sigmoid/cases.js';
import * as silu from './silu/cases.js';
import * as softmax from './softmax/cases.js';
import { nnKernels } from './webgpu.js';

/**
 * Every kernel of nn, alone, on every case it claims, against the interpreter: the cases of each op, and shapes that
 * reach the edges of tiles, vectors and head sizes.
 */
const f32 = (...shape: number[]) => tensorType('f32', shape);
const attention = ([b, h, t, s, d]: number[], e = d, causal = false, bias?: TensorType): OpCase => ({
  name: `${b}×${h} heads, ${t} queries, ${s} keys of ${d}${e === d ? '' : ` and values of ${e}`}${causal ? ', causal' : ''}${bias ? `, bias [${bias.shape}]` : ''}`,
  inputs: { q: f32(b, h, t, d), k: f32(b, h, s, d), v: f32(b, h, s, e), ...(bias ? { bias } : {}) },
  attrs: { scale: d ** -0.5, causal },
  expectation: { depth: 4, terms: s },
});
/** Everything is hidden by the most negative number there is, as masks of other frameworks have it. */
const hidden = ([t, s]: number[]): OpCase => ({
  ...attention([1, 2, t, s, 8], 8, false, f32(t, s)),
  name: `${t} queries, all ${s} keys hidden`,
  given: { bias: tensor('f32', [t, s], new Array(t * s).fill(-(2 - 2 ** -23) * 2 ** 127)) },
});
const product = (rows: number, k: number, n: number): OpCase => ({
  name: `${rows} × ${k} × ${n}`,
  inputs: { x: f32(rows, k), weight: f32(n, k), bias: f32(n) },
  attrs: {},
});
const activated = ({ inputs, ...rest }: OpCase, activation: string, added: boolean): OpCase => {
  const { x, weight, codes } = inputs as Readonly<Record<string, TensorType>>;
  const residual = f32(...x.shape.slice(0, -1), (weight ?? codes).shape[0]);
  return { ...rest, inputs: { ...inputs, ...(added ? { residual } : {}) }, attrs: { activation } };
};
/** Gates from a layer of their own. */
const gated = ({ name, inputs, given, expectation }: OpCase, activation: string): OpCase => {
  const { weight, bias, scales } = inputs;
  const own = given && { ...given.codes, data: (given.codes.data as Uint8Array).slice().reverse() };
  return {
    name: `${name}, gates apart`,
    inputs: {
      ...inputs,
      ...(own ? { gateCodes: own, gateScales: scales } : { gate: weight, gateBias: bias }),
    },
    attrs: { activation },
    ...(own ? { given: { ...given, gateCodes: own } } : {}),
    expectation: { ...expectation, depth: 3, magnitude: (expectation?.magnitude ?? 1) ** 2 },
  };
};
/** What a block adds to the stream, and the norm that the next one begins with. */
const normed = (
  { name, inputs, ...rest }: Omit<OpCase, 'attrs'>,
  norm: 'layer' | 'rms',
  [rows, columns]: number[],
): OpCase => ({
  ...rest,
  name: `${name}, ${norm}`,
  inputs: {
    ...inputs,
    residual: f32(rows, columns),
    gain: f32(columns),
    ...(norm === 'layer' ? { shift: f32(columns) } : {}),
  },
  attrs: { norm, eps: 1e-5 },
  // Sums of products are larger than their operands, and what the norm makes of them is as exact as they are.
  expectation: { ...rest.expectation, depth: 4 },
});
const convolution = (x: number[], weight: number[], strides = [1, 1], padding = [1, 1, 1, 1]): OpCase => ({
  name: `[${x}] by [${weight}]`,
  inputs: { x: f32(...x), weight: f32(...weight), bias: f32(weight[0]) },
  attrs: { strides, padding },
  expectation: { terms: weight[1] * weight[2] * weight[3] },
});
const fusedConvolution = (
  x: number[],
  weight: number[],
  given: {
    groups?: number;
    silu?: boolean;
    factor?: number;
    height?: number;
    width?: number;
    strides?: number[];
  },
  added: number[],
): OpCase => {
  const padding = weight[2] === 1 ? [0, 0, 0, 0] : [1, 1, 1, 1];
  const { name, inputs, expectation } = convolution(x, weight);
  const norm = given.groups ? { gain: f32(x[1]), shift: f32(x[1]) } : {};
  return {
    name: `${name}, ${JSON.stringify(given)}, added [${added}]`,
    inputs: { ...inputs, ...norm, ...(added.length ? { added: f32(...added) } : {}) },
    attrs: {
      strides: [1, 1],
      padding,
      groups: 1,
      eps: 1e-5,
      silu: false,
      factor: 1,
      height: 0,
      width: 0,
      ...given,
    },
    expectation: { ...expectation, depth: 2 },
  };
};
const row = (rows: number, columns: number): OpCase => ({
  name: `${rows} rows of ${columns}`,
  inputs: { x: f32(rows, columns), weight: f32(columns), bias: f32(columns) },
  attrs: { eps: 1e-5 },
});
const backward = (rows: number, columns: number, centred: boolean): OpCase => ({
  name: `${rows} rows of ${columns}`,
  inputs: {
    dy: f32(rows, columns),
    x: f32(rows, columns),
    weight: f32(columns),
    ...(centred ? { mean: f32(rows, 1) } : {}),
    rstd: f32(rows, 1),
  },
  attrs: {},
  expectation: { depth: 4, terms: Math.max(rows, columns) },
});
const transposed = (which: 'a' | 'b', [m, n, k]: number[], batch: number[] = []): OpCase => ({
  name: `${batch} × ${m} × ${k} × ${n}, ${which} transposed`,
  inputs: which === 'a' ? { a: f32(...batch, k, m), b: f32(k, n) } : { a: f32(m, k), b: f32(...batch, n, k) },
  attrs: { which },
});
const tokenAttention = (
  [b, h, t, s, d]: number[],
  tokens: boolean,
  bias?: TensorType,
  causal = false,
): OpCase => {
  const { name, inputs, attrs, ...rest } = attention([b, h, t, s, d], d, causal, bias);
  const keys = tokens ? f32(b, s, h, d) : f32(b, h, s, d);
  return {
    name: `${name}, ${tokens ? 'all' : 'queries'} by token`,
    inputs: { ...inputs, q: f32(b, t, h, d), k: keys, v: keys },
    attrs: { ...attrs, tokens },
    ...rest,
  };
};
/** Queries and keys of one projection, values of one with other columns before and after. */
const packedAttention = ([b, h, t, d, e]: number[], causal = false, bias?: TensorType): OpCase => ({
  name: `${b}×${h} heads side by side, ${t} tokens of ${d} and ${e}${causal ? ', causal' : ''}`,
  inputs: {
    q: f32(b, t, 2 * h * d),
    k: f32(b, t, 2 * h * d),
    v: f32(b, t, (h + 2) * e),
    ...(bias ? { bias } : {}),
  },
  attrs: {
    heads: h,
    scale: d ** -0.5,
    causal,
    columns: { q: [0, h * d], k: [h * d, 2 * h * d], v: [e, (h + 1) * e] },
  },
  expectation: { depth: 4, terms: t },
});
const attentionBackward = ([b, h, t, s, d]: number[], e = d, causal = false, bias?: TensorType): OpCase => {
  const { name, inputs, attrs, expectation } = attention([b, h, t, s, d], e, causal, bias);
  const query = { dout: f32(b, h, t, e), out: f32(b, h, t, e), logsumexp: f32(b, h, t, 1) };
  return {
    name,
    inputs: { ...inputs, ...query, dlogsumexp: f32(b, h, t, 1) },
    attrs,
    expectation: { ...expectation, terms: s * d },
  };
};
const withoutBias = ({ inputs: { bias: _, ...inputs }, ...rest }: OpCase): OpCase => ({ ...rest, inputs });
const onlyX = ({ inputs: { x }, ...rest }: OpCase): OpCase => ({ ...rest, inputs: { x }, attrs: {} });

const suites: Readonly<Record<string, readonly OpCase[]>> = {
  'nn.linear': [
    ...linear.cases,
    ...[1, 2, 3, 5, 8].map((rows) => product(rows, 300, 37)),
    product(5, 63, 9),
    product(9, 64, 64),
    product(70, 60, 130),
    product(65, 33, 66),
    product(70, 1100, 66),
  ],
  'nn.linear_activated': [
    activated(product(3, 300, 37), 'gelu', true),
    activated(product(70, 1100, 66), 'silu', true),
    activated(product(65, 33, 66), 'relu', false),
    activated(product(9, 64, 64), 'none', true),
  ],
  'nn.linear_gated': [
    { ...product(9, 20, 24), attrs: { activation: 'gelu' } },
    { ...product(70, 33, 130), attrs: { activation: 'silu' } },
    gated(product(9, 60, 10), 'silu'),
    gated(product(70, 33, 66), 'gelu'),
  ].map((c) => ({ ...c, expectation: { depth: 3, terms: 64 } })),
  'nn.linear_int4_gated': [...many(4).map((c) => gated(c, 'silu')), halved(4)],
  'nn.linear_int8_gated': [...many(8).map((c) => gated(c, 'gelu')), halved(8)],
  'nn.linear_int4_activated': [casesOf(4)[0], ...many(4)].map((c) => activated(c, 'quickGelu', true)),
  'nn.linear_int8_activated': [casesOf(8)[0], ...many(8)].map((c) => activated(c, 'gelu', false)),
  'nn.linear_int4': [...casesOf(4), ...many(4)],
  'nn.linear_int8': [...casesOf(8), ...many(8)],
  'nn.linear_norm': [
    normed(product(70, 1100, 66), 'layer', [70, 66]),
    normed(product(19, 530, 37), 'rms', [19, 37]),
    normed(product(9, 600, 260), 'layer', [9, 260]),
  ],
  'nn.linear_int4_norm': many(4).map((c) => normed(c, 'rms', [c.inputs.x.shape[0], c.inputs.codes.shape[0]])),
  'nn.linear_int8_norm': many(8).map((c) =>
    normed(c, 'layer', [c.inputs.x.shape[0], c.inputs.codes.shape[0]]),
  ),
  'nn.residual_norm': [
    normed({ name: '5 rows of 37', inputs: { x: f32(5, 37) } }, 'layer', [5, 37]),
    normed({ name: '3 rows of 1408', inputs: { x: f32(3, 1408) } }, 'layer', [3, 1408]),
    normed({ name: '2 rows of 1030', inputs: { x: f32(2, 1030) } }, 'rms', [2, 1030]),
  ],
  'attention.sdpa': [
    ...sdpa.cases,
    ...[40, 64, 80, 88, 128, 160].map((d) => attention([1, 2, 9, 11, d])),
    attention([1, 1, 10, 9, 512]),
    attention([2, 2, 70, 70, 8], 8, true),
    attention([1, 2, 17, 17, 10], 6, true, f32(17, 17)),
    attention([2, 3, 5, 130, 16], 16, false, f32(2, 1, 1, 130)),
    ...[1, 2, 4].map((t) => attention([2, 2, t, 67, 128])),
    attention([2, 3, 1, 5, 10], 7, false, f32(3, 1, 5)),
    attention([1, 1, 2, 3, 256]),
    attention([1, 2, 4, 4, 12], 12, true),
    hidden([2, 3]),
    hidden([9, 11]),
  ],
  'nn.layer_norm': [...layerNorm.cases, row(3, 1), row(5, 1408), row(2, 1030)],
  'nn.rms_norm': [...rmsNorm.cases, ...[row(5, 1408), row(2, 1030)].map(withoutBias)],
  'nn.group_norm': [
    ...groupNorm.cases,
    {
      name: 'long groups',
      inputs: { x: f32(2, 6, 20, 21), weight: f32(6), bias: f32(6) },
      attrs: { groups: 2, eps: 1e-5 },
    },
    {
      name: 'groups of several pieces',
      inputs: { x: f32(2, 4, 65, 68), weight: f32(4), bias: f32(4) },
      attrs: { groups: 2, eps: 1e-5 },
    },
    {
      name: 'several pieces, odd positions',
      inputs: { x: f32(1, 3, 65, 67), weight: f32(3), bias: f32(3) },
      attrs: { groups: 1, eps: 1e-5 },
    },
    {
      name: 'odd positions',
      inputs: { x: f32(1, 4, 3, 3), weight: f32(4), bias: f32(4) },
      attrs: { groups: 2, eps: 1e-5 },
    },
  ],
  'nn.softmax': [...softmax.cases, ...[row(3, 1), row(2, 1030), row(70, 65)].map(onlyX)],
  'nn.log_softmax': [...logSoftmax.cases, ...[row(3, 1), row(2, 1030)].map(onlyX)],
  'nn.gelu': [...gelu.cases, onlyX(row(7, 300))],
  'nn.silu': [...silu.cases, onlyX(row(7, 300))],
  'nn.sigmoid': [...sigmoid.cases, onlyX(row(7, 300))],
  'nn.quick_gelu': [...quickGelu.cases, onlyX(row(7, 300))],
  'nn.conv2d': [
    ...conv2d.cases,
    convolution([2, 5, 9, 11], [70, 5, 3, 3]),
    convolution([1, 8, 12, 12], [9, 8, 3, 3], [2, 2], [0, 0, 1, 1]),
    convolution([1, 3, 17, 18], [16, 3, 14, 14], [14, 14], [0, 0, 0, 0]),
    convolution([2, 66, 8, 9], [65, 66, 1, 1], [1, 1], [0, 0, 0, 0]),
    convolution([1, 130, 5, 5], [9, 130, 3, 3]),
  ],
  'nn.conv2d_fused': [
    fusedConvolution([2, 6, 9, 11], [9, 6, 3, 3], { groups: 3, silu: true }, [2, 9, 1, 1]),
    fusedConvolution([2, 130, 4, 5], [9, 130, 3, 3], { groups: 2, silu: true }, [2, 9, 4, 5]),
    fusedConvolution([2, 8, 70, 64], [4, 8, 1, 1], { groups: 1 }, [1, 4, 1, 1]),
    fusedConvolution([1, 5, 4, 6], [7, 5, 3, 3], { factor: 2 }, []),
    fusedConvolution([1, 5, 4, 6], [7, 5, 3, 3], { factor: 2, height: 7, width: 11 }, []),
    fusedConvolution([1, 8, 4, 4], [8, 8, 3, 3], { strides: [2, 2] }, [1, 8, 2, 2]),
  ],
  'nn.layer_norm_vjp': [...layerNorm.vjpCases, backward(20, 70, true), backward(3, 1408, true)],
  'nn.rms_norm_vjp': [...rmsNorm.vjpCases, backward(20, 70, false), backward(3, 1408, false)],
  'nn.softmax_vjp': [
    ...softmax.vjpCases,
    { name: '9 rows of 300', inputs: { dy: f32(9, 300), y: f32(9, 300) }, attrs: {} },
  ],
  'attention.tokens': [
    tokenAttention([2, 3, 2, 5, 12], true),
    tokenAttention([2, 3, 2, 5, 10], false, f32(3, 2, 5)),
    tokenAttention([1, 2, 19, 37, 40], true),
    tokenAttention([2, 2, 19, 19, 6], true, undefined, true),
    tokenAttention([2, 4, 9, 7, 16], false),
  ],
  'attention.packed': [
    packedAttention([2, 3, 19, 12, 12]),
    packedAttention([2, 3, 17, 10, 5], true),
    packedAttention([1, 2, 3, 40, 8], false, f32(2, 3, 3)),
    packedAttention([1, 2, 9, 88, 88]),
  ],
  'attention.sdpa_vjp': [
    ...sdpa.vjpCases,
    attentionBackward([1, 2, 9, 11, 40]),
    attentionBackward([1, 2, 35, 37, 12], 6, false, f32(2, 35, 37)),
    attentionBackward([2, 1, 34, 34, 88], 88, true),
    attentionBackward([1, 1, 3, 9, 256]),
  ],
  'nn.cross_entropy': crossEntropy.cases,
  'nn.cross_entropy_vjp': crossEntropy.vjpCases,
  'nn.matmul_transposed': [
    ...(['a', 'b'] as const).flatMap((which) => [
      transposed(which, [5, 7, 9]),
      transposed(which, [70, 68, 36]),
      transposed(which, [66, 65, 33], [2, 3]),
      transposed(which, [18, 12, 600], [2]),
      transposed(which, [17, 10, 777]),
    ]),
  ],
  'prim.sum': [
    { name: 'rows', inputs: { x: f32(4, 9, 37) }, attrs: { axes: [0, 1] } },
    { name: 'few rows', inputs: { x: f32(3, 37) }, attrs: { axes: [0] } },
  ],
  'nn.embedding': embedding.cases,
  'nn.embedding_parts': [
    {
      name: 'three parts',
      inputs: { ids: tensorType('i32', [2, 3]), part0: f32(4, 5), part1: f32(4, 5), part2: f32(2, 5) },
      attrs: { dtype: 'f32' },
      given: { ids: tensor('i32', [2, 3], [0, 3, 4, 7, 8, 9]) },
    },
  ],
  'nn.rope': rope.cases,
};

/** More rows of x than the kernels for few take at once: whole and ragged groups, and k long enough to be split. */
function many(bits: 4 | 8): OpCase[] {
  return [
    [19, 64, 3],
    [19, 60, 20],
    [70, 1090, 66],
  ].map(([rows, k, n]) => {
    const groups = Math.ceil(k / 32);
    const bytes = 4 * bits;
    const codes = {
      dtype: 'u8' as const,
      shape: [n, groups, bytes],
      data: Uint8Array.from(random(5).bits(n * groups * bytes), (word) => word & 255),
    };
    return {
      name: `${rows} × ${k} × ${n}`,
      inputs: { x: f32(rows, k), codes, scales: tensorType('f16', [n, groups]), bias: f32(n) },
      attrs: {},
      given: { codes },
      // Codes reach 2^(bits−1), so sums are that much larger than their inputs.
      expectation: { magnitude: 2 ** (bits - 1) * 16 },
    };
  });
}

/** One weight of codes that holds values before gates. */
function halved(bits: 4 | 8): OpCase {
  const { expectation, ...rest } = many(bits)[2];
  const magnitude = (expectation?.magnitude ?? 1) ** 2;
  return { ...rest, attrs: { activation: 'silu' }, expectation: { depth: 3, magnitude } };
}

const symbolsOf = (inputs: OpCase['inputs']) =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape }]) => [name, input(name, { dtype, shape })]),
  );

const claims = (kernel: AnyKernel, outputs: Record<string, Value>, executor: WebGpuExecutor) => {
  const { node } = Object.values(outputs)[0];
  return kernel.supports?.({ ...node.inputs, ...node.outputs }, node.attrs, executor.capabilities) ?? true;
};

describeGpu.each(nnKernels.map((kernel) => [kernel.name, kernel] as const))('%s', (_, kernel) => {
  const op = kernel.op as AnyOp;
  let gpu: WebGpuExecutor;
  beforeAll(async () => {
    gpu = await webgpu({ kernels: [kernel] });
  });
  afterAll(() => gpu?.dispose());

  it.each(suites[op.name].filter(({ benchOnly }) => !benchOnly).map((c) => [c.name, c] as const))(
    '%s',
    async (label, { inputs, attrs, given, expectation }) => {
      const outputs = op(symbolsOf(inputs), attrs) as Record<string, Value>;
      if (claims(kernel, outputs, gpu) !== true) return;
      const drawn = { ...randomTensors(inputs), ...given };
      const tensors = Object.fromEntries(
        Object.entries(inputs).map(([name, { dtype }]) => [name, convert(drawn[name], dtype)]),
      );
      const graph = graphOf(outputs);
      const expected = interpret(graph, tensors);
      await using program = await gpu.compile(graph);
      expect(program.plan()).toBe(`${op.name} ×1 by ${kernel.name}`);
      const terms = Math.max(...Object.values(inputs).flatMap(({ shape }) => shape));
      for (const [name, result] of Object.entries(await program.run(tensors))) {
        using held = result;
        const { dtype } = outputs[name];
        const narrowest = Object.values(outputs).find((value) => value.dtype === 'f16')?.dtype ?? dtype;
        expectClose(`${kernel.name} ${label} ${name}`, await held.read(), expected[name], {
          dtype: isFloat(dtype) ? narrowest : 'f32',
          terms,
          ...expectation,
        });
      }
    },
  );
});

/** Operands that are f32 whatever the others are stored in. */
const statistics = new Set(['mean', 'rstd', 'logsumexp', 'dlogsumexp', 'dnll']);

/** True Emu shapes among them: every variant in f32 and f16, with and without `shader-f16`, on the null backend. */
describe('on the null backend', () => {
  it.each(nnKernels.map((kernel) => [kernel.name, kernel] as const))('%s validates', async (_, kernel) => {
    expect(await validatedDispatches(kernel, suites[kernel.op.name], statistics)).toBeGreaterThan(0);
  });
});
