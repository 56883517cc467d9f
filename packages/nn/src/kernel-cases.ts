import { random, tensor } from '@emu-ts/base';
import { type TensorType, tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';
import { attentionCases } from './attention-cases.js';
import { convolutionCases } from './convolution-cases.js';
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
import * as sigmoid from './sigmoid/cases.js';
import * as silu from './silu/cases.js';
import * as softmax from './softmax/cases.js';

/** The cases of each op, and shapes that reach the edges of tiles, vectors and head sizes: what every kernel is tried on. */
const f32 = (...shape: number[]) => tensorType('f32', shape);
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
const withoutBias = ({ inputs: { bias: _, ...inputs }, ...rest }: OpCase): OpCase => ({ ...rest, inputs });
const onlyX = ({ inputs: { x }, ...rest }: OpCase): OpCase => ({ ...rest, inputs: { x }, attrs: {} });

export const kernelCases: Readonly<Record<string, readonly OpCase[]>> = {
  ...attentionCases,
  ...convolutionCases,
  'nn.linear': [
    ...linear.cases,
    ...[1, 2, 3, 5, 8].map((rows) => product(rows, 300, 37)),
    product(5, 63, 9),
    product(9, 64, 64),
    product(70, 60, 130),
    product(65, 33, 66),
    product(70, 1100, 66),
    product(12, 36, 70), // tiles of 16 rows, above of 32, below of 64
    product(130, 60, 66),
    product(50, 1100, 66),
  ],
  'nn.linear_activated': [
    activated(product(3, 300, 37), 'gelu', true),
    activated(product(70, 1100, 66), 'silu', true),
    activated(product(65, 33, 66), 'relu', false),
    activated(product(9, 64, 64), 'none', true),
    activated(product(130, 600, 40), 'silu', true),
  ],
  'nn.linear_gated': [
    { ...product(9, 20, 24), attrs: { activation: 'gelu' } },
    { ...product(70, 33, 130), attrs: { activation: 'silu' } },
    gated(product(9, 60, 10), 'silu'),
    gated(product(70, 33, 66), 'gelu'),
    gated(product(130, 36, 66), 'silu'),
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
    normed(product(50, 600, 66), 'rms', [50, 66]),
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
  'nn.layer_norm_vjp': [...layerNorm.vjpCases, backward(20, 70, true), backward(3, 1408, true)],
  'nn.rms_norm_vjp': [...rmsNorm.vjpCases, backward(20, 70, false), backward(3, 1408, false)],
  'nn.softmax_vjp': [
    ...softmax.vjpCases,
    { name: '9 rows of 300', inputs: { dy: f32(9, 300), y: f32(9, 300) }, attrs: {} },
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
      transposed(which, [130, 20, 36]),
      transposed(which, [50, 18, 530], [2]),
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
    [12, 64, 20],
    [130, 60, 36],
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
