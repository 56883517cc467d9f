import type { DType } from '@emu-ts/base';
import { type Graph, graphOf, input, matmul, tensorType, type Value } from '@emu-ts/graph';
import { attention, conv2dOp, groupNormOp, linear, silu } from '@emu-ts/nn';

/**
 * One piece of work on the GPU: a graph whose inputs are drawn at random. Names that begin with `w.` are weights, placed
 * once. Full sizes are Emu's own; small ones keep every kernel's path on a GPU in software.
 */
export interface GpuCase {
  readonly name: string;
  readonly graph: () => Graph;
}

/** How weights are stored. */
type Stored = 'f32' | 'f16' | 'int8' | 'int4';

const f32 = (name: string, ...shape: number[]): Value => input(name, tensorType('f32', shape));
const weight = (name: string, dtype: DType, ...shape: number[]): Value =>
  input(`w.${name}`, tensorType(dtype, shape));

/** y = x Wᵀ with weights in any storage. */
function product([m, k, n]: readonly number[], stored: Stored): Graph {
  const x = f32('x', m, k);
  const groups = Math.ceil(k / 32);
  const p =
    stored === 'int4' || stored === 'int8'
      ? {
          codes: weight('codes', 'u8', n, groups, stored === 'int4' ? 16 : 32),
          scales: weight('scales', 'f16', n, groups),
        }
      : { weight: weight('weight', stored, n, k) };
  return graphOf({ y: linear(p, x) });
}

const times = (sizes: readonly number[]) => sizes.join('×');

const products = (id: string, shapes: readonly (readonly number[])[], stored: readonly Stored[]): GpuCase[] =>
  shapes.flatMap((shape) =>
    stored.map((kind) => ({
      name: `${id} linear ${kind} ${times(shape)}`,
      graph: () => product(shape, kind),
    })),
  );

/** y = a b of halves, which matrix units multiply as they are. */
const halves = (...[m, k, n]: readonly number[]): GpuCase => ({
  name: `B1 matmul f16 ${times([m, k, n])}`,
  graph: () => graphOf({ y: matmul(input('x', tensorType('f16', [m, k])), weight('weight', 'f16', k, n)) }),
});

interface AttentionShape {
  readonly b: number;
  readonly h: number;
  readonly t: number;
  readonly s: number;
  readonly d: number;
  readonly causal?: boolean;
}

const attentions = (id: string, shapes: readonly AttentionShape[]): GpuCase[] =>
  shapes.map(({ b, h, t, s, d, causal = false }) => ({
    name: `${id} attention ${b}×${h}×${t}×${s} of ${d}${causal ? ' causal' : ''}`,
    graph: () =>
      graphOf({
        y: attention(
          { q: f32('q', b, h, t, d), k: f32('k', b, h, s, d), v: f32('v', b, h, s, d) },
          { scale: d ** -0.5, causal },
        ),
      }),
  }));

/** 3 × 3 convolution of [1 from side side], with a group norm and SiLU before it where `normed`. */
function convolution(from: number, to: number, side: number, normed: boolean): GpuCase {
  return {
    name: `B5 conv2d ${from}→${to} at ${side}²${normed ? ' after group norm and SiLU' : ''}`,
    graph() {
      const x = f32('x', 1, from, side, side);
      const norm = { weight: weight('norm.weight', 'f32', from), bias: weight('norm.bias', 'f32', from) };
      const seen = normed ? silu(groupNormOp({ x, ...norm }, { groups: 32, eps: 1e-5 }).y) : x;
      const kernel = { weight: weight('weight', 'f32', to, from, 3, 3), bias: weight('bias', 'f32', to) };
      return graphOf({ y: conv2dOp({ x: seen, ...kernel }, { strides: [1, 1], padding: [1, 1, 1, 1] }).y });
    },
  };
}

/** The norm of a block of the UNet by itself. */
const norm = (channels: number, side: number): GpuCase => ({
  name: `B5 group norm and SiLU of ${channels} at ${side}²`,
  graph() {
    const p = { weight: weight('weight', 'f32', channels), bias: weight('bias', 'f32', channels) };
    const x = f32('x', 1, channels, side, side);
    return graphOf({ y: silu(groupNormOp({ x, ...p }, { groups: 32, eps: 1e-5 }).y) });
  },
});

const few = [1, 2, 5, 8];
const llama = [
  [5120, 15360],
  [5120, 27648],
  [13824, 5120],
  [5120, 32064],
] as const;

/** B1 to B5: single kernels. */
export const kernelCases = (full: boolean): readonly GpuCase[] =>
  full
    ? [
        halves(4096, 4096, 4096),
        ...products(
          'B1',
          [
            [4096, 4096, 4096],
            [257, 1408, 6144],
            [512, 5120, 13824],
            [8192, 2560, 320],
          ],
          ['f32', 'f16'],
        ),
        ...products(
          'B2',
          llama.flatMap(([k, n]) => few.map((m) => [m, k, n])),
          ['f16', 'int8', 'int4'],
        ),
        ...attentions('B3', [
          { b: 1, h: 16, t: 257, s: 257, d: 88 },
          { b: 1, h: 40, t: 512, s: 512, d: 128, causal: true },
          { b: 1, h: 40, t: 2048, s: 2048, d: 128, causal: true },
          { b: 2, h: 8, t: 4096, s: 4096, d: 40 },
          { b: 1, h: 1, t: 4096, s: 4096, d: 512 },
        ]),
        ...attentions(
          'B4',
          [512, 2048].flatMap((s) => [1, 2, 5].map((b) => ({ b, h: 40, t: 1, s, d: 128 }))),
        ),
        ...[
          [320, 320, 64],
          [2560, 1280, 16],
          [2560, 1280, 8],
          [512, 512, 128],
          [128, 128, 512],
        ].flatMap(([from, to, side]) => [false, true].map((normed) => convolution(from, to, side, normed))),
        norm(320, 64),
      ]
    : [
        ...products(
          'B1',
          [
            [256, 256, 256],
            [65, 352, 384],
          ],
          ['f32', 'f16'],
        ),
        ...products(
          'B2',
          [1, 5].map((m) => [m, 512, 1024]),
          ['f32', 'f16', 'int8', 'int4'],
        ),
        ...attentions('B3', [
          { b: 1, h: 2, t: 65, s: 65, d: 88 },
          { b: 1, h: 2, t: 128, s: 128, d: 128, causal: true },
        ]),
        ...attentions(
          'B4',
          [1, 5].map((b) => ({ b, h: 4, t: 1, s: 512, d: 128 })),
        ),
        convolution(64, 64, 16, false),
        convolution(64, 64, 16, true),
        norm(64, 16),
      ];
