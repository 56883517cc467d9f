/// <reference path="../wgsl.d.ts" />
import { size, type TensorType } from '@emu-ts/graph';
import { rmsNormOp } from '@emu-ts/nn';
import type { GpuView, ParamValue, Pass, Pattern } from '@emu-ts/webgpu/kernel';
import { type Format, plain } from './formats.js';
import productsSource from './products.wgsl';
import codesSource from './products-codes.wgsl';
import plainSource from './products-plain.wgsl';

/** What the kernels of a decoding step have in common: products of few rows with weights of any format. */
export type Types = Readonly<Record<string, TensorType>>;

export const u32 = (x: number): ParamValue => ['u32', x];
export const f32 = (x: number): ParamValue => ['f32', x];

/** Rows that share the reading of a weight. */
const mostRows = 8;
export const norm: Pattern = { op: rmsNormOp, inputs: { x: 'x', weight: 'gain' }, name: 'norm' };
export const eps = ({ norm }: Readonly<Record<string, Readonly<Record<string, unknown>>>>) =>
  norm.eps as number;

export interface Products {
  readonly label: string;
  /** Operand or scratch that is multiplied, its rows and columns. */
  readonly x: string;
  readonly m: number;
  readonly k: number;
  /** One to three weights of n outputs each. */
  readonly weights: readonly string[];
  readonly n: number;
  readonly y: string;
  /** Of the norm before it. */
  readonly eps?: number | undefined;
  readonly residual?: string | undefined;
  readonly gated?: boolean | undefined;
  /** x and the residual hold rows for every weight. */
  readonly apart?: boolean | undefined;
  /** Operand that multiplies the products. */
  readonly factor?: string | undefined;
}

/** One dispatch: norm, products with weights that share it, and what follows. */
export function productsPass(format: Format, types: Types, p: Products): Pass {
  const { m, n, k, weights, x } = p;
  const isPlain = format === plain;
  const width = k % 4 === 0 && wide(types[x]) && (!isPlain || wide(types[weights[0]])) ? 4 : 1;
  const reads: Record<string, string | null> = {
    x,
    gain: p.eps === undefined ? null : 'gain',
    residual: p.residual ?? null,
    factor: p.factor ?? null,
  };
  const widths: Record<string, 1 | 4 | 16> = { x: width };
  for (const i of [0, 1, 2]) {
    const operands = weights[i] === undefined ? [null, null] : format.operands(weights[i]);
    for (const [j, name] of (isPlain ? ['weight'] : ['codes', 'scales']).entries()) {
      reads[`${name}${i}`] = operands[j];
      if (name !== 'scales') widths[`${name}${i}`] = isPlain ? width : 16;
    }
  }
  const sets = p.gated ? 1 : weights.length;
  return {
    label: p.label,
    source: productsSource + (isPlain ? plainSource : codesSource),
    reads,
    writes: { y: p.y },
    params: {
      n: u32(n),
      k: u32(k),
      weights: u32(sets),
      groups: u32(Math.ceil(k / 32)),
      eps: f32(p.eps ?? 0),
      x_set: u32(p.apart ? m * k : 0),
      residual_set: u32(p.apart ? m * n : 0),
    },
    overrides: {
      ROWS: m,
      VECTOR: Number(width === 4),
      GATED: Number(p.gated ?? false),
      ...(isPlain ? {} : { BYTES: Number(format.suffix === '_int8') }),
    },
    widths,
    uniforms: ['gain', 'factor'],
    workgroups: sets * Math.ceil(n / 4),
  };
}

export const wide = (type: TensorType | undefined): boolean =>
  !type || type.dtype === 'f32' || type.dtype === 'f16';

export const rowsOf = (x: TensorType): number => size(x) / x.shape[x.shape.length - 1];

/** Few rows, f32 in and out, and a gain that needs no storage binding where the bindings are counted. */
export function fits({ x, gain }: Types, bindings: number, { limits }: GpuView): true | string {
  const rows = rowsOf(x);
  if (rows < 1 || rows > mostRows) return `${rows} rows > ${mostRows}`;
  if (x.dtype !== 'f32') return `x is ${x.dtype}`;
  const uniform = gain.dtype === 'f32' && 4 * size(gain) <= limits.maxUniformBufferBindingSize;
  const needed = bindings + (uniform ? 0 : 1);
  const allowed = limits.maxStorageBuffersPerShaderStage;
  return needed <= allowed || `it binds ${needed} buffers, the device allows ${allowed}`;
}
