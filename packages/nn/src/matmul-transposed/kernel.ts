/// <reference path="../wgsl.d.ts" />
import { primitives, size, type TensorType, tensorType } from '@emu-ts/graph';
import type { Fusion, Kernel, Pass } from '@emu-ts/webgpu/kernel';
import { bare, sumPass } from '../linear/product.js';
import { u32, vectorises } from '../rows.js';
import { inRegisters, onMatrixUnits, tilesOf, tiling, type Way, wayOpen } from '../ways.js';
import batches from './batches.wgsl';
import { matmulTransposedOp, swapsLast, type Transposed } from './op.js';

type Types = { readonly a: TensorType; readonly b: TensorType; readonly y: TensorType };

const sizes = ({ a, b, y }: Types, { which }: Transposed, way: Way) => {
  const [m, n] = y.shape.slice(-2);
  const k = which === 'a' ? a.shape[a.shape.length - 2] : a.shape[a.shape.length - 1];
  const batch = size(y) / Math.max(1, m * n);
  const step = (x: TensorType, matrix: number) => (size(x) === matrix ? 0 : matrix);
  return {
    m,
    n,
    k,
    batch,
    ...tilesOf({ batch, m, n, k }, way),
    a_step: step(a, m * k),
    b_step: step(b, n * k),
    lines_a: which === 'a' ? k : m,
    width_a: which === 'a' ? m : k,
    lines_b: which === 'a' ? k : n,
    width_b: which === 'a' ? n : k,
    whole: [size(a) / (m * k), size(b) / (n * k)].every((own) => own === 1 || own === batch),
  };
};

/** Whether four neighbours of an operand, and of y, can be read and written at a time. */
const vector = ({ a, b, y }: Types, { which }: Transposed): boolean => {
  const [m, n] = y.shape.slice(-2);
  return which === 'a'
    ? m % 4 === 0 && vectorises(n, a, b, y)
    : vectorises(a.shape[a.shape.length - 1], a, b);
};

const transposeOf = (x: string) => ({
  op: primitives.transpose,
  inputs: { x },
  when: ({ permutation }: { readonly permutation: readonly number[] }) => swapsLast(permutation),
});

const kernel = (which: 'a' | 'b', way: Way): Kernel<typeof matmulTransposedOp> => ({
  op: matmulTransposedOp,
  name: `nn.matmul_transposed ${which === 'a' ? 'first' : 'second'}${way.units ? ` ${way.name}` : ''}`,
  fuses: [
    {
      root: {
        op: primitives.matmul,
        inputs: which === 'a' ? { a: transposeOf('a'), b: 'b' } : { a: 'a', b: transposeOf('b') },
      },
      attrs: () => ({ which }),
    } as Fusion<Transposed>,
  ],
  supports: (types, attrs, gpu) => {
    const open = wayOpen(way, gpu);
    if (open !== true) return open;
    if (attrs.which !== which) return `operand ${attrs.which} is transposed`;
    const { m, n, k, whole } = sizes(types, attrs, way);
    if (Math.min(m, n, k) < 1) return 'there is nothing to multiply';
    return whole || 'leading axes are broadcast in part';
  },
  scratch: (types, attrs): Record<string, TensorType> => {
    const { splits } = sizes(types, attrs, way);
    return splits > 1 ? { partial: tensorType('f32', [splits, ...types.y.shape]) } : {};
  },
  passes: (types, attrs) => {
    const { whole: _, splits, tiles, ...numbers } = sizes(types, attrs, way);
    const split = splits > 1;
    const [vec, lie] = [vector(types, attrs), which === 'a' ? ('across' as const) : ('along' as const)];
    const width = vec ? (4 as const) : (1 as const);
    const product: Pass = {
      label: split ? 'tiles' : undefined,
      source: batches,
      tiles: { a: lie, b: lie, matrices: true, keep: true, units: way.units },
      reads: { a: 'a', b: 'b' },
      writes: { y: split ? 'partial' : 'y' },
      params: Object.fromEntries(
        Object.entries({ ...numbers, tiles: tiles * splits }).map(([key, value]) => [key, u32(value)]),
      ),
      overrides: {
        VECTOR: Number(vec),
        STORE4: Number(which === 'a' && vec),
        ...tiling(way, numbers.m, types.a, types.b),
      },
      widths: { a: width, b: width, y: which === 'a' ? width : 1 },
      workgroups: tiles * splits,
    };
    const { m, n, batch } = numbers;
    return split
      ? [product, sumPass({ m: batch * m, n, splits }, { x: types.a, y: types.y }, bare, attrs)]
      : [product];
  },
});

export const matmulTransposedKernels = [kernel('a', inRegisters), kernel('b', inRegisters)] as const;
export const matmulTransposedRoundedKernels = [
  kernel('a', onMatrixUnits),
  kernel('b', onMatrixUnits),
] as const;
