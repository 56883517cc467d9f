/// <reference path="../wgsl.d.ts" />
import type { TensorType } from '@emu-ts/graph';
import type { Kernel } from '@emu-ts/webgpu/kernel';
import { rowsOf, u32, vectorises } from '../rows.js';
import naive from './linear.wgsl';
import few from './linear-few.wgsl';
import tiled from './linear-tiled.wgsl';
import { linearOp } from './op.js';

type Types = { readonly x: TensorType; readonly weight: TensorType };

/** Rows of x up to which reading the weight is all that counts. */
export const fewRows = 8;

const sizes = ({ x, weight }: Types) => {
  const [n, k] = weight.shape;
  const m = rowsOf(x);
  return { m, n, k, tiles: Math.ceil(m / 64) * Math.ceil(n / 64) };
};

const vector = ({ x, weight }: Types) => vectorises(weight.shape[1], x, weight);

/** Rows of x that one workgroup of `linear-few` takes: all, or halves of what is beyond eight. */
export const rowsAtOnce = (m: number): number => Math.max(1, Math.ceil(m / Math.ceil(m / fewRows)));

const fewGroups = (types: Types) => {
  const { m, n } = sizes(types);
  return Math.ceil(n / 4) * Math.ceil(m / rowsAtOnce(m));
};

const common = {
  op: linearOp,
  overrides: (types: Types) => ({ VECTOR: Number(vector(types)) }),
  widths: (types: Types) => {
    const width = vector(types) ? (4 as const) : (1 as const);
    return { x: width, weight: width };
  },
};

export const linearFewKernel: Kernel<typeof linearOp> = {
  ...common,
  name: 'nn.linear few rows',
  source: few,
  supports: (types) => {
    const { m } = sizes(types);
    return (m > 0 && m <= fewRows) || `${m} rows > ${fewRows}`;
  },
  params: (types) => {
    const { m, n, k } = sizes(types);
    return { m: u32(m), n: u32(n), k: u32(k), groups: u32(fewGroups(types)) };
  },
  overrides: (types) => ({ ...common.overrides(types), ROWS: rowsAtOnce(sizes(types).m) }),
  workgroups: fewGroups,
};

export const linearTiledKernel: Kernel<typeof linearOp> = {
  ...common,
  name: 'nn.linear tiled',
  source: tiled,
  supports: (types) => {
    const { n, k } = sizes(types);
    return Math.min(n, k) >= 8 || `a tile of 64 × 64 is wasted on ${n} outputs of ${k} inputs`;
  },
  params: (types) => {
    const { m, n, k, tiles } = sizes(types);
    return { m: u32(m), n: u32(n), k: u32(k), tiles: u32(tiles) };
  },
  workgroups: (types) => sizes(types).tiles,
};

export const linearNaiveKernel: Kernel<typeof linearOp> = {
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
