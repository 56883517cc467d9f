/// <reference path="../wgsl.d.ts" />
import { isFloat } from '@emu-ts/base';
import { type AnyOp, broadcastStrides, primitives, size, type TensorType } from '@emu-ts/graph';
import type { AnyKernel, Params, Tiles } from '../kernel/kernel.js';
import { axes, collapse, groupsFor, u32, u32s } from './geometry.js';
import matmulSource from './matmul.wgsl';
import matmulBatches from './matmul-batches.wgsl';
import { tiledProduct } from './product.js';

/** Products of matrices, leading axes broadcast. */
type Types = Readonly<Record<string, TensorType>>;

const sizesOf = ({ a, b, y }: Types) => ({
  m: a.shape[a.shape.length - 2],
  k: a.shape[a.shape.length - 1],
  n: b.shape[b.shape.length - 1],
  batch: y.shape.slice(0, -2),
});

function params(types: Types): Params {
  const { a, b, y } = types;
  const { m, n, k, batch } = sizesOf(types);
  const along = (x: TensorType, matrix: number) =>
    broadcastStrides(x.shape.slice(0, -2), batch).map((s) => s * matrix);
  const walk = collapse(batch, [along(a, m * k), along(b, k * n)]);
  return {
    size: u32(size(y)),
    m: u32(m),
    n: u32(n),
    k: u32(k),
    rank: u32(walk.shape.length),
    shape: axes(walk.shape),
    a_strides: axes(walk.strides[0]),
    b_strides: axes(walk.strides[1]),
  };
}

/** Whether four neighbours can be read and written at a time, or why not. */
function vectorises({ a, b, y }: Types): true | string {
  const [k, n] = b.shape.slice(-2);
  if ([a, b, y].some(({ dtype }) => dtype !== 'f32' && dtype !== 'f16')) return 'only f32 and f16';
  return k % 4 || n % 4 ? `k = ${k} and n = ${n} do not both divide by 4` : true;
}

const floats = ({ y }: Types): true | string => isFloat(y.dtype) || 'only floats';

function tiled(
  name: string,
  supports: (types: Types) => true | string,
  { units }: Pick<Tiles, 'units'> = {},
): AnyKernel {
  return {
    op: primitives.matmul as AnyOp,
    ...tiledProduct<unknown>({
      name,
      source: matmulBatches,
      tiles: { a: 'along', b: 'across', matrices: true, keep: true, units },
      reads: ['a', 'b'],
      supports,
      product: (types) => {
        const { m, n, k, batch } = sizesOf(types);
        const vector = vectorises(types) === true;
        return {
          batch: batch.reduce((x, d) => x * d, 1),
          m,
          n,
          k,
          params: { ...params(types), ...u32s({ lines_a: m, width_a: k, lines_b: k, width_b: n }) },
          overrides: {
            VECTOR: Number(vector),
            STORE4: Number(vector),
            ...(units ? { CLAMPS: Number(types.a.dtype !== 'f16') } : {}),
          },
          widths: vector ? { a: 4, b: 4, y: 4 } : {},
        };
      },
    }),
  };
}

export const matmul = {
  matmul: [
    tiled('prim.matmul tiled vec4', vectorises),
    tiled('prim.matmul tiled', floats),
    {
      op: primitives.matmul as AnyOp,
      name: 'prim.matmul',
      source: matmulSource,
      params,
      workgroups: ({ y }: Types) => groupsFor(size(y)),
    },
  ] as AnyKernel[],
};

/**
 * Products of matrices whose operands are rounded to f16 where the device has matrix units:
 * `webgpu({ kernels: [...nnKernels, ...roundedKernels] })`.
 */
export const roundedKernels: readonly AnyKernel[] = [
  tiled('prim.matmul matrix units', floats, { units: true }),
];
