/// <reference path="../wgsl.d.ts" />
import { primitives, size, type TensorType } from '@emu-ts/graph';
import type { Fusion, Kernel } from '@emu-ts/webgpu/kernel';
import { u32, vectorises } from '../rows.js';
import batches from './batches.wgsl';
import { matmulTransposedOp, swapsLast, type Transposed } from './op.js';

type Types = { readonly a: TensorType; readonly b: TensorType; readonly y: TensorType };

const sizes = ({ a, b, y }: Types, { which }: Transposed) => {
  const [m, n] = y.shape.slice(-2);
  const k = which === 'a' ? a.shape[a.shape.length - 2] : a.shape[a.shape.length - 1];
  const batch = size(y) / Math.max(1, m * n);
  const step = (x: TensorType, matrix: number) => (size(x) === matrix ? 0 : matrix);
  return {
    m,
    n,
    k,
    batch,
    span: k,
    tiles: batch * Math.ceil(m / 64) * Math.ceil(n / 64),
    a_step: step(a, m * k),
    b_step: step(b, n * k),
    lines_a: which === 'a' ? k : m,
    width_a: which === 'a' ? m : k,
    lines_b: which === 'a' ? k : n,
    width_b: which === 'a' ? n : k,
    whole: [size(a) / (m * k), size(b) / (n * k)].every((own) => own === 1 || own === batch),
  };
};

const vector = (types: Types, attrs: Transposed): boolean => {
  const { m, n, k } = sizes(types, attrs);
  const { a, b, y } = types;
  return attrs.which === 'a' ? m % 4 === 0 && vectorises(n, a, b, y) : vectorises(k, a, b);
};

const transposeOf = (x: string) => ({
  op: primitives.transpose,
  inputs: { x },
  when: ({ permutation }: { readonly permutation: readonly number[] }) => swapsLast(permutation),
});

const kernel = (which: 'a' | 'b', name: string): Kernel<typeof matmulTransposedOp> => ({
  op: matmulTransposedOp,
  name: `nn.matmul_transposed ${name}`,
  source: batches,
  tiles:
    which === 'a'
      ? { a: 'across', b: 'across', matrices: true, keep: true }
      : { a: 'along', b: 'along', matrices: true, keep: true },
  fuses: [
    {
      root: {
        op: primitives.matmul,
        inputs: which === 'a' ? { a: transposeOf('a'), b: 'b' } : { a: 'a', b: transposeOf('b') },
      },
      attrs: () => ({ which }),
    } as Fusion<Transposed>,
  ],
  supports: (types, attrs) => {
    if (attrs.which !== which) return `operand ${attrs.which} is transposed`;
    const { m, n, k, whole } = sizes(types, attrs);
    if (Math.min(m, n, k) < 1) return 'there is nothing to multiply';
    return whole || 'leading axes are broadcast in part';
  },
  params: (types, attrs) => {
    const { whole: _, ...numbers } = sizes(types, attrs);
    return Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, u32(value)]));
  },
  overrides: (types, attrs) => ({
    VECTOR: Number(vector(types, attrs)),
    STORE4: Number(which === 'a' && vector(types, attrs)),
  }),
  widths: (types, attrs) => {
    const width = vector(types, attrs) ? (4 as const) : (1 as const);
    return { a: width, b: width, y: which === 'a' ? width : 1 };
  },
  workgroups: (types, attrs) => sizes(types, attrs).tiles,
});

export const matmulTransposedKernels: readonly Kernel<typeof matmulTransposedOp>[] = [
  kernel('a', 'first'),
  kernel('b', 'second'),
];
