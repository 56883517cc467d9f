/// <reference path="../wgsl.d.ts" />
import { type AnyOp, type TensorType, tensorType } from '@emu-ts/graph';
import type { AnyKernel, ManyPasses, Pass } from '@emu-ts/webgpu/kernel';
import { rowPassRungs } from '../lanes/ladder.js';
import { floatProduct } from '../linear/kernel.js';
import { linearOp } from '../linear/op.js';
import operandX from '../linear/operand-x.wgsl';
import { type Epilogue, fewRows, type Product, type ProductTypes, plain } from '../linear/product.js';
import { activatedEpilogue, activatedOps } from '../linear-activated/kernel.js';
import { left, normOps, thenNorm } from '../linear-norm/kernel.js';
import { int4Product, int8Product } from '../quantized-linear/kernel.js';
import { linearInt4Op, linearInt8Op } from '../quantized-linear/op.js';
import { rowsOf, u32, vectorises } from '../rows.js';
import dp4aSource from './linear-dp4a.wgsl';
import matrixSource from './linear-matrix.wgsl';
import quantiseSource from './quantise-rows.wgsl';

/**
 * Linear layers that round their operands to what fast units of a GPU multiply: f16 for matrix units, signed bytes in groups
 * of 32 for packed dot products. Sums are f32 or exact. A caller chooses this by putting these kernels before the others.
 */
const many = (x: TensorType): true | string => rowsOf(x) > fewRows || `${rowsOf(x)} rows <= ${fewRows}`;

const named = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, name]));

const subgroupLanes = 32;

function matrixRung<T extends ProductTypes, A>(product: Product<T>, epilogue: Epilogue<A>): ManyPasses<T, A> {
  const tilesOf = (types: T) => Math.ceil(rowsOf(types.x) / 64) * Math.ceil(product.size(types)[0] / 128);
  return {
    name: `${product.name}${epilogue.suffix} matrix units`,
    requires: ['shader-f16', 'subgroups', 'subgroup-size-control', 'chromium-experimental-subgroup-matrix'],
    arrays: product.weights.filter((name) => name === 'codes'),
    supports: (types, _, { limits, subgroupMinSize, subgroupMaxSize }) => {
      const { weight } = types as T & { readonly weight?: TensorType };
      if (weight && weight.dtype !== 'f16') return `a weight of ${weight.dtype} would be rounded`;
      if (subgroupMinSize > subgroupLanes || subgroupMaxSize < subgroupLanes)
        return `subgroups of ${subgroupMinSize} to ${subgroupMaxSize} lanes, not ${subgroupLanes}`;
      const wanted = 2 * (64 + 128) * 40 + 4 * 1024;
      if (limits.maxComputeWorkgroupStorageSize < wanted)
        return `less than ${wanted} bytes of workgroup memory`;
      return many(types.x);
    },
    passes: (types, attrs) => {
      const [n, k] = product.size(types);
      const tiles = tilesOf(types);
      const pass: Pass = {
        source: [product.operands, epilogue.source, matrixSource].join('\n'),
        reads: { x: 'x', ...named(product.weights), ...named(epilogue.reads) },
        writes: { y: 'y' },
        params: {
          m: u32(rowsOf(types.x)),
          n: u32(n),
          k: u32(k),
          tiles: u32(tiles),
          ...product.params?.(types, attrs),
        },
        overrides: {
          VECTOR: Number(vectorises(k, types.x)),
          ...product.overrides?.(types),
          ...epilogue.overrides?.(attrs),
        },
        workgroups: tiles,
        widths: { x: vectorises(k, types.x) ? 4 : 1, ...product.widths(types) },
      };
      return [pass];
    },
  };
}

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
// biome-ignore lint/suspicious/noExplicitAny: the same
type AnyRung = <A>(product: AnyProduct, epilogue: Epilogue<A>) => ManyPasses<any, A>;

const products: readonly { op: AnyOp; rungs: readonly AnyRung[]; product: AnyProduct }[] = [
  { op: linearOp as AnyOp, rungs: [matrixRung], product: floatProduct },
  { op: linearInt4Op as AnyOp, rungs: [matrixRung, dp4aRung], product: int4Product },
  { op: linearInt8Op as AnyOp, rungs: [matrixRung, dp4aRung], product: int8Product },
];

/** `webgpu({ kernels: [...nnRoundedKernels, ...nnKernels] })` trades digits for speed where the device has the units. */
export const nnRoundedKernels: readonly AnyKernel[] = products.flatMap(({ op, rungs, product }) => {
  const { op: activated, fuses } = activatedOps.find(({ base }) => base === op)!;
  const norm = normOps.find(({ base }) => base === op)!;
  return rungs.flatMap((rung): AnyKernel[] => [
    ...rowPassRungs(
      (lanes): AnyKernel => ({ ...thenNorm(rung(product, left), lanes), op: norm.op, fuses: norm.fuses }),
    ),
    { op: activated, fuses, ...rung(product, activatedEpilogue) },
    { op, ...rung(product, plain) },
  ]);
});
