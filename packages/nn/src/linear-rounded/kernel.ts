/// <reference path="../wgsl.d.ts" />
import { type AnyOp, type TensorType, tensorType } from '@emu-ts/graph';
import type { AnyKernel, ManyPasses } from '@emu-ts/webgpu/kernel';
import { conv2dRoundedKernel } from '../conv2d/kernel.js';
import { conv2dFusedRoundedKernel } from '../conv2d-fused/kernel.js';
import { floatProduct } from '../linear/kernel.js';
import { linearOp } from '../linear/op.js';
import operandX from '../linear/operand-x.wgsl';
import {
  type Epilogue,
  fewRows,
  type Product,
  type ProductTypes,
  plain,
  tiledRungs,
} from '../linear/product.js';
import { activatedEpilogue, activatedOps } from '../linear-activated/kernel.js';
import { linearGatedRoundedKernels } from '../linear-gated/kernel.js';
import { left, linearNormRoundedKernels, thenNorm } from '../linear-norm/kernel.js';
import { matmulTransposedRoundedKernels } from '../matmul-transposed/kernel.js';
import { packedAttentionRoundedKernel } from '../packed-attention/kernel.js';
import { int4Product, int8Product } from '../quantized-linear/kernel.js';
import { linearInt4Op, linearInt8Op } from '../quantized-linear/op.js';
import { rowsOf, u32, vectorises } from '../rows.js';
import { sdpaRoundedKernel } from '../sdpa/kernel.js';
import { tokenAttentionRoundedKernel } from '../token-attention/kernel.js';
import { onMatrixUnits } from '../ways.js';
import dp4aSource from './linear-dp4a.wgsl';
import quantiseSource from './quantise-rows.wgsl';

/**
 * Products that round their operands to what fast units of a GPU multiply: f16 for matrix units, and in layers of codes signed
 * bytes in groups of 32 for packed dot products. Sums are f32 or exact. A caller chooses this by putting these kernels before
 * the others.
 */
const many = (x: TensorType): true | string => rowsOf(x) > fewRows || `${rowsOf(x)} rows <= ${fewRows}`;

const named = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, name]));

type CodesTypes = ProductTypes & { readonly codes: TensorType };

function dp4aRung<T extends CodesTypes, A>(product: Product<T>, epilogue: Epilogue<A>): ManyPasses<T, A> {
  const groupsOf = ({ codes }: T) => codes.shape[1];
  return {
    name: `${product.name}${epilogue.suffix} dot products`,
    requires: ['packed_4x8_integer_dot_product'],
    arrays: ['codes'],
    supports: ({ x }) => many(x),
    scratch: (types) => {
      const [m, groups] = [rowsOf(types.x), groupsOf(types)];
      return { rows: tensorType('u32', [m, groups, 8]), row_scales: tensorType('f32', [m, groups]) };
    },
    passes: (types, attrs) => {
      const { x } = types;
      const [n, k] = product.size(types);
      const [m, groups] = [rowsOf(x), groupsOf(types)];
      const vector = vectorises(k, x);
      const tiles = Math.ceil(m / 64) * Math.ceil(n / 64);
      return [
        {
          label: 'rows',
          source: `${operandX}\n${quantiseSource}`,
          reads: { x: 'x' },
          writes: { rows: 'rows', row_scales: 'row_scales' },
          params: { m: u32(m), k: u32(k), groups: u32(groups) },
          overrides: { VECTOR: Number(vector) },
          workgroups: Math.ceil((m * groups) / 64),
          widths: { x: vector ? 4 : 1 },
        },
        {
          label: 'tiles',
          source: `${epilogue.source}\n${dp4aSource}`,
          tiles: 'loop',
          reads: {
            rows: 'rows',
            row_scales: 'row_scales',
            ...named(product.weights),
            ...named(epilogue.reads),
          },
          writes: { y: 'y' },
          params: {
            m: u32(m),
            n: u32(n),
            k: u32(k),
            batch: u32(1),
            span: u32(k),
            groups: u32(groups),
            tiles: u32(tiles),
          },
          overrides: { ...product.overrides?.(types), ...epilogue.overrides?.(attrs) },
          workgroups: tiles,
          widths: { codes: 4 },
        },
      ];
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: products whose weights have different operands
type AnyProduct = Product<any>;

const products: readonly { op: AnyOp; product: AnyProduct; codes: boolean }[] = [
  { op: linearOp as AnyOp, product: floatProduct, codes: false },
  { op: linearInt4Op as AnyOp, product: int4Product, codes: true },
  { op: linearInt8Op as AnyOp, product: int8Product, codes: true },
];

/**
 * `webgpu({ kernels: [...nnRoundedKernels, ...nnKernels, ...roundedKernels] })` trades digits for speed where the device has the
 * units; `roundedKernels` of the executor are the same for plain products of matrices.
 */
export const nnRoundedKernels: readonly AnyKernel[] = [
  ...linearNormRoundedKernels,
  ...linearGatedRoundedKernels,
  ...products.flatMap(({ op, product, codes }): AnyKernel[] => {
    const arrays = codes ? ['codes'] : [];
    /** On matrix units, or else by dot products. */
    function rungs<A>(epilogue: Epilogue<A>) {
      const units = tiledRungs(product, epilogue, onMatrixUnits).map((rung) => ({ ...rung, arrays }));
      return codes ? [...units, dp4aRung(product, epilogue)] : units;
    }
    const { op: activated, fuses } = activatedOps.find(({ base }) => base === op)!;
    const [, ...whole] = rungs(left); // what is split has its norm already
    return [
      ...whole.flatMap((rung) => thenNorm(op, rung)),
      ...rungs(activatedEpilogue).map((rung) => ({ op: activated, fuses, ...rung })),
      ...rungs(plain).map((rung) => ({ op, ...rung })),
    ];
  }),
  conv2dFusedRoundedKernel,
  conv2dRoundedKernel,
  ...matmulTransposedRoundedKernels,
  packedAttentionRoundedKernel,
  tokenAttentionRoundedKernel,
  sdpaRoundedKernel,
];
