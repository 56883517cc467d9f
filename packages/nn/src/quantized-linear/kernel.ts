/// <reference path="../wgsl.d.ts" />
import { last, type TensorType } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { fewRungs } from '../lanes/ladder.js';
import operandX from '../linear/operand-x.wgsl';
import {
  type Epilogue,
  fewRows,
  type Product,
  type ProductTypes,
  plain,
  type Rung,
  rowsAtOnce,
  tileable,
  tiledRungs,
} from '../linear/product.js';
import { rowsOf, u32, vectorises } from '../rows.js';
import few from './linear-codes.wgsl';
import { groupSize, linearInt4Op, linearInt8Op } from './op.js';
import operandCodes from './operand-codes.wgsl';

type Types = ProductTypes & { readonly codes: TensorType; readonly scales: TensorType };

const groupsOf = ({ codes }: Types) => codes.shape[1];

const blocksOf = ({ x, codes }: Types) => {
  const m = rowsOf(x);
  return m === 0 ? 0 : Math.ceil(codes.shape[0] / 4) * Math.ceil(m / rowsAtOnce(m));
};

const fewKernels = <A>(product: Product<Types>, epilogue: Epilogue<A>, bytes: boolean) =>
  fewRungs({
    name: `${product.name}${epilogue.suffix} few rows`,
    source: [operandX, epilogue.source, few].join('\n'),
    arrays: ['codes'],
    supports: (types: Types) => {
      const m = rowsOf(types.x);
      return m <= fewRows || tileable(product, types) !== true || `${m} rows > ${fewRows}`;
    },
    params: (types: Types) => {
      const [n, groups] = types.codes.shape;
      const numbers = { m: rowsOf(types.x), n, k: last(types.x), groups, blocks: blocksOf(types) };
      const own = Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, u32(value)]));
      return { ...own, ...epilogue.params?.(types) };
    },
    overrides: ({ x }: Types, attrs: A) => ({
      ROWS: rowsAtOnce(Math.max(1, rowsOf(x))),
      BYTES: Number(bytes),
      VECTOR: Number(vectorises(last(x), x)),
      ...epilogue.overrides?.(attrs),
    }),
    widths: ({ x }: Types) => ({
      codes: 16 as const,
      x: vectorises(last(x), x) ? (4 as const) : (1 as const),
    }),
    workgroups: blocksOf,
  });

const codesProduct = (name: string, bytes: boolean): Product<Types> => ({
  name,
  operands: `${operandX}\n${operandCodes}`,
  weights: ['codes', 'scales'],
  size: ({ x, codes }) => [codes.shape[0], last(x)],
  params: (types) => ({ groups: u32(groupsOf(types)) }),
  overrides: () => ({ BYTES: Number(bytes) }),
  widths: () => ({ codes: 4 }),
  group: groupSize,
});

export const int4Product = codesProduct('nn.linear_int4', false);
export const int8Product = codesProduct('nn.linear_int8', true);

/** Kernels for products with 4- or 8-bit weights, and what follows them. */
export const codesRungs = <A>(product: Product<Types>, epilogue: Epilogue<A>): readonly Rung<Types, A>[] => [
  ...fewKernels(product, epilogue, product === int8Product),
  ...tiledRungs(product, epilogue).map((rung) => ({ ...rung, arrays: ['codes'] })),
];

export const linearInt4Kernels: readonly Kernel<typeof linearInt4Op>[] = codesRungs(int4Product, plain).map(
  (rung): Kernel<typeof linearInt4Op> => ({ op: linearInt4Op, ...rung }),
);

export const linearInt8Kernels: readonly Kernel<typeof linearInt8Op>[] = codesRungs(int8Product, plain).map(
  (rung): Kernel<typeof linearInt8Op> => ({ op: linearInt8Op, ...rung }),
);
