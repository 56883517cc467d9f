/// <reference path="../wgsl.d.ts" />
import { last, type TensorType } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { rowsAtOnce } from '../linear/kernel.js';
import { rowsOf, u32, vectorises } from '../rows.js';
import source from './linear-codes.wgsl';
import { linearInt4Op, linearInt8Op } from './op.js';

type Types = { readonly x: TensorType; readonly codes: TensorType };

const blocksOf = ({ x, codes }: Types) => {
  const m = rowsOf(x);
  return m === 0 ? 0 : Math.ceil(codes.shape[0] / 4) * Math.ceil(m / rowsAtOnce(m));
};

const kernel = (bytes: boolean) => ({
  source,
  arrays: ['codes'],
  params: (types: Types) => {
    const [n, groups] = types.codes.shape;
    const numbers = { m: rowsOf(types.x), n, k: last(types.x), groups, blocks: blocksOf(types) };
    return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, u32(value)]));
  },
  overrides: ({ x }: Types) => ({
    ROWS: rowsAtOnce(Math.max(1, rowsOf(x))),
    BYTES: Number(bytes),
    VECTOR: Number(vectorises(last(x), x)),
  }),
  widths: ({ x }: Types) => ({ codes: 16 as const, x: vectorises(last(x), x) ? (4 as const) : (1 as const) }),
  workgroups: blocksOf,
});

export const linearInt4Kernel: Kernel<typeof linearInt4Op> = {
  op: linearInt4Op,
  name: 'nn.linear_int4 few rows',
  ...kernel(false),
};

export const linearInt8Kernel: Kernel<typeof linearInt8Op> = {
  op: linearInt8Op,
  name: 'nn.linear_int8 few rows',
  ...kernel(true),
};
