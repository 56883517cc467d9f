/// <reference path="../wgsl.d.ts" />
import type { TensorType } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { fewRungs } from '../lanes/ladder.js';
import { rowsOf, u32, vectorises } from '../rows.js';
import naive from './linear.wgsl';
import few from './linear-few.wgsl';
import { linearOp } from './op.js';
import weightSource from './operand-weight.wgsl';
import operandX from './operand-x.wgsl';
import {
  type Epilogue,
  fewRows,
  type Product,
  type ProductTypes,
  plain,
  type Rung,
  rowsAtOnce,
  tiledRungs,
} from './product.js';
import weightRows from './weight-rows.wgsl';

type Types = ProductTypes & { readonly weight: TensorType };

/** How a kernel reads a weight [n k] row by row, for products whose x is read in a way of its own. */
export const operandWeight: string = `${weightRows}\n${weightSource}`;
const operands = `${operandX}\n${operandWeight}`;

const sizes = ({ x, weight }: Types) => {
  const [n, k] = weight.shape;
  return { m: rowsOf(x), n, k };
};

const vector = ({ x, weight }: Types) => vectorises(weight.shape[1], x, weight);
const width = (types: Types) => (vector(types) ? (4 as const) : (1 as const));

const groupsOf = (types: Types) => {
  const { m, n } = sizes(types);
  return Math.ceil(n / 4) * Math.ceil(m / rowsAtOnce(m));
};

export const floatProduct: Product<Types> = {
  name: 'nn.linear',
  operands,
  weights: ['weight'],
  size: ({ weight: { shape } }) => [shape[0], shape[1]],
  overrides: (types) => ({ VECTOR: Number(vector(types)) }),
  widths: (types) => ({ x: width(types), weight: width(types) }),
  group: 1,
};

/** Kernels for products with float weights, and what follows them. @param name of the op, where it is not one of nn */
export const floatRungs = <A>(epilogue: Epilogue<A>, name = floatProduct.name): readonly Rung<Types, A>[] => [
  ...fewRungs({
    name: `${name}${epilogue.suffix} few rows`,
    source: [operands, epilogue.source, few].join('\n'),
    supports: (types: Types) => {
      const { m } = sizes(types);
      return (m > 0 && m <= fewRows) || `${m} rows > ${fewRows}`;
    },
    params: (types: Types) => {
      const { m, n, k } = sizes(types);
      const numbers = { m: u32(m), n: u32(n), k: u32(k), groups: u32(groupsOf(types)) };
      return { ...numbers, ...epilogue.params?.(types) };
    },
    overrides: (types: Types, attrs: A) => ({
      VECTOR: Number(vector(types)),
      ROWS: rowsAtOnce(sizes(types).m),
      ...epilogue.overrides?.(attrs),
    }),
    widths: (types: Types) => ({ x: width(types), weight: width(types) }),
    workgroups: groupsOf,
  }),
  ...tiledRungs({ ...floatProduct, name }, epilogue),
];

const linearNaiveKernel: Kernel<typeof linearOp> = {
  op: linearOp,
  name: 'nn.linear naive',
  source: naive,
  params: (types) => {
    const { m, n, k } = sizes(types);
    return { m: u32(m), n: u32(n), k: u32(k) };
  },
  workgroups: (types) => {
    const { m, n } = sizes(types);
    return Math.ceil((m * n) / 256);
  },
};

export const linearKernels: readonly Kernel<typeof linearOp>[] = [
  ...floatRungs(plain).map((rung): Kernel<typeof linearOp> => ({ op: linearOp, ...rung })),
  linearNaiveKernel,
];
