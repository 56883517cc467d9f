/// <reference path="../wgsl.d.ts" />
import { type AnyOp, primitives } from '@emu-ts/graph';
import type { Fusion, Kernel, Pattern } from '@emu-ts/webgpu/kernel';
import functions from '../activations/functions.wgsl';
import { activationCodes } from '../activations/kernel.js';
import { geluOp } from '../gelu/op.js';
import { linearOp } from '../linear/op.js';
import operandWeight from '../linear/operand-weight.wgsl';
import operandX from '../linear/operand-x.wgsl';
import { fewRows } from '../linear/product.js';
import { rowsOf, u32, vectorises } from '../rows.js';
import { siluOp } from '../silu/op.js';
import tilesSource from './gated-tiles.wgsl';
import { type Gated, linearGatedOp } from './op.js';

/** One half of the last axis: the first where it starts at zero, the second where it ends elsewhere than the first. */
const half = (x: Pattern, second: boolean): Pattern => ({
  op: primitives.slice,
  inputs: { x },
  when(attrs) {
    const [starts, ends, steps] = [attrs.starts, attrs.ends, attrs.steps] as (readonly number[])[];
    const axis = starts.length - 1;
    const size = ends[axis] - starts[axis];
    return (
      starts[axis] === (second ? size : 0) &&
      starts.every((start, i) => i === axis || start === 0) &&
      steps.every((step) => step === 1)
    );
  },
});

const gated = (op: AnyOp, activation: Gated['activation']): Fusion<Gated> => {
  const product: Pattern = { op: linearOp, inputs: { x: 'x', weight: 'weight', bias: 'bias?' } };
  const gate: Pattern = { op, inputs: { x: half(product, true) } };
  return {
    root: { op: primitives.mul, inputs: { a: half(product, false), b: gate } },
    attrs: () => ({ activation }),
  };
};

const tilesOf = (m: number, n: number) => Math.ceil(m / 64) * Math.ceil(n / 2 / 32);

export const linearGatedKernel: Kernel<typeof linearGatedOp> = {
  op: linearGatedOp,
  name: 'nn.linear_gated tiled',
  fuses: [gated(geluOp, 'gelu'), gated(siluOp, 'silu')],
  source: [operandX, operandWeight, functions, tilesSource].join('\n'),
  tiles: { a: 'along', b: 'along' },
  supports: ({ x }) => rowsOf(x) > fewRows || `${rowsOf(x)} rows <= ${fewRows}`,
  params: ({ x, weight }) => {
    const [n, k] = weight.shape;
    const m = rowsOf(x);
    return { m: u32(m), n: u32(n), k: u32(k), batch: u32(1), span: u32(k), tiles: u32(tilesOf(m, n)) };
  },
  overrides: ({ x, weight }, { activation }) => ({
    VECTOR: Number(vectorises(weight.shape[1], x, weight)),
    OP: activationCodes[activation],
  }),
  widths: ({ x, weight }) => {
    const width = vectorises(weight.shape[1], x, weight) ? (4 as const) : (1 as const);
    return { x: width, weight: width };
  },
  workgroups: ({ x, weight }) => tilesOf(rowsOf(x), weight.shape[0]),
};
