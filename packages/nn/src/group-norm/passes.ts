/// <reference path="../wgsl.d.ts" />
import { size, type TensorType, tensorType } from '@emu-ts/graph';
import type { Pass } from '@emu-ts/webgpu/kernel';
import lanes from '../lanes/rows.wgsl';
import { f32, u32, vectorises } from '../rows.js';
import applySource from './apply.wgsl';
import statisticsSource from './statistics.wgsl';
import tableSource from './table.wgsl';

/**
 * Group normalisation in pieces: statistics of every piece, a table of what happens to each channel, and, where no other
 * kernel does it while reading, the result. One workgroup a group would leave a large GPU with 32 of them.
 */
interface Norm {
  readonly groups: number;
  readonly eps: number;
}

/** Elements of a piece: what 256 lanes read in a few vectors each. */
const span = 4096;

const positionsOf = ({ shape }: TensorType) => shape.slice(2).reduce((n, d) => n * d, 1);

const sizes = (x: TensorType, { groups }: Norm) => {
  const [n, c] = x.shape;
  const ofGroup = size(x) / Math.max(1, n * groups);
  const perGroup = Math.ceil(ofGroup / span);
  return { n, c, ofGroup, perGroup, pieces: n * groups * perGroup };
};

/** Whether a group is worth more than one workgroup. */
export const inPieces = (x: TensorType, norm: Norm): boolean => sizes(x, norm).perGroup > 1;

/** Tensors between the passes. */
export function normScratch(x: TensorType, norm: Norm): Record<string, TensorType> {
  const { n, c, pieces } = sizes(x, norm);
  return { pieces: tensorType('f32', [pieces, 2]), table: tensorType('f32', [n, c, 3]) };
}

/**
 * Fills `table` from x.
 *
 * @param names operands that hold the norm's weight and bias
 * @param own channels of x that the operand `x` holds; the others are in the operand `more`. Default all
 */
export function tablePasses(
  x: TensorType,
  norm: Norm,
  names: { weight: string; bias: string },
  own = x.shape[1],
): Pass[] {
  const { n, c, ofGroup, perGroup, pieces } = sizes(x, norm);
  const positions = positionsOf(x);
  const vector = vectorises(positions, x);
  const width = vector ? (4 as const) : (1 as const);
  const shared = { size: u32(ofGroup), span: u32(span), per_group: u32(perGroup) };
  return [
    {
      label: 'statistics',
      source: `${lanes}\n${statisticsSource}`,
      reads: { x: 'x', more: own < c ? 'more' : null },
      writes: { pieces: 'pieces' },
      params: {
        ...shared,
        count: u32(pieces),
        own: u32(own * positions),
        others: u32((c - own) * positions),
      },
      overrides: { VECTOR: Number(vector), LANES: 256 },
      workgroups: pieces,
      widths: { x: width, more: width },
    },
    {
      label: 'table',
      source: tableSource,
      reads: { pieces: 'pieces', ...names },
      writes: { table: 'table' },
      params: { ...shared, count: u32(n * c), c: u32(c), groups: u32(norm.groups), eps: f32(norm.eps) },
      workgroups: Math.ceil((n * c) / 64),
    },
  ];
}

export function applyPass(x: TensorType): Pass {
  const positions = positionsOf(x);
  const vector = vectorises(positions, x);
  const width = vector ? (4 as const) : (1 as const);
  return {
    label: 'apply',
    source: applySource,
    reads: { x: 'x', table: 'table' },
    writes: { y: 'y' },
    params: { size: u32(size(x)), positions: u32(positions) },
    overrides: { VECTOR: Number(vector) },
    workgroups: Math.ceil(size(x) / 1024),
    widths: { x: width, y: width },
  };
}
