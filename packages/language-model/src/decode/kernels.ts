/// <reference path="../wgsl.d.ts" />
import { primitives, size, type TensorType, tensorType } from '@emu-ts/graph';
import { rmsNormOp, ropeOp, siluOp } from '@emu-ts/nn';
import type { AnyKernel, GpuView, ParamValue, Pass, Pattern } from '@emu-ts/webgpu/kernel';
import { cachedAttentionOp } from '../cached-attention/op.js';
import attendSource from './attend.wgsl';
import combineSource from './combine.wgsl';
import { type Format, formats, plain } from './formats.js';
import { attentionStepOp, feedForwardStepOp, normLinearOp } from './ops.js';
import productsSource from './products.wgsl';
import codesSource from './products-codes.wgsl';
import plainSource from './products-plain.wgsl';

type Types = Readonly<Record<string, TensorType>>;

const u32 = (x: number): ParamValue => ['u32', x];
const f32 = (x: number): ParamValue => ['f32', x];

/** Rows that share the reading of a weight. */
const mostRows = 8;
/** Positions of the past that one workgroup walks. */
const stretch = 128;

const norm: Pattern = { op: rmsNormOp, inputs: { x: 'x', weight: 'gain' }, name: 'norm' };
const eps = ({ norm }: Readonly<Record<string, Readonly<Record<string, unknown>>>>) => norm.eps as number;

interface Products {
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
}

/** One dispatch: norm, products with weights that share it, and what follows. */
function productsPass(format: Format, types: Types, p: Products): Pass {
  const { m, n, k, weights, x } = p;
  const isPlain = format === plain;
  const width = k % 4 === 0 && wide(types[x]) && (!isPlain || wide(types[weights[0]])) ? 4 : 1;
  const reads: Record<string, string | null> = {
    x,
    gain: p.eps === undefined ? null : 'gain',
    residual: p.residual ?? null,
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
    },
    overrides: {
      ROWS: m,
      VECTOR: Number(width === 4),
      GATED: Number(p.gated ?? false),
      ...(isPlain ? {} : { BYTES: Number(format.suffix === '_int8') }),
    },
    widths,
    uniforms: ['gain'],
    workgroups: sets * Math.ceil(n / 4),
  };
}

const wide = (type: TensorType | undefined): boolean => !type || type.dtype === 'f32' || type.dtype === 'f16';

const rowsOf = (x: TensorType): number => size(x) / x.shape[x.shape.length - 1];

/** Few rows, f32 in and out, and a gain that needs no storage binding where the bindings are counted. */
function fits({ x, gain }: Types, bindings: number, { limits }: GpuView): true | string {
  const rows = rowsOf(x);
  if (rows < 1 || rows > mostRows) return `${rows} rows > ${mostRows}`;
  if (x.dtype !== 'f32') return `x is ${x.dtype}`;
  const uniform = gain.dtype === 'f32' && 4 * size(gain) <= limits.maxUniformBufferBindingSize;
  const needed = bindings + (uniform ? 0 : 1);
  const allowed = limits.maxStorageBuffersPerShaderStage;
  return needed <= allowed || `it binds ${needed} buffers, the device allows ${allowed}`;
}

function attentionStep(format: Format): AnyKernel {
  const turned = (name: string): Pattern => ({
    op: ropeOp,
    inputs: { x: format.pattern(norm, name), positions: 'positions', cos: 'cos', sin: 'sin' },
  });
  const attend: Pattern = {
    op: cachedAttentionOp,
    inputs: {
      q: turned('q'),
      k: turned('k'),
      v: format.pattern(norm, 'v'),
      keys: 'keys',
      values: 'values',
      length: 'length',
      padding: 'padding',
      rows: 'rows?',
    },
    keeps: { keysOut: 'keysOut', valuesOut: 'valuesOut' },
    name: 'attend',
  };
  const stretches = ({ keys }: Types) => Math.ceil(keys.shape[2] / stretch);
  const vectors = ({ keys }: Types) => Math.ceil(keys.shape[3] / 4);
  return {
    op: attentionStepOp(format),
    name: `language_model.attention_step${format.suffix} few rows`,
    fuses: [
      {
        root: { op: primitives.add, inputs: { a: 'x', b: format.pattern(attend, 'o') } },
        attrs: (of) => ({ eps: eps(of), scale: of.attend.scale }),
      },
    ],
    startsFrom: { keysOut: 'keys', valuesOut: 'values' },
    supports(types: Types, _: unknown, gpu: GpuView) {
      const d = types.keys.shape[3];
      if (d > 256) return `head size ${d} > 256`;
      return fits(types, 2 + 3 * format.operands('q').length, gpu);
    },
    scratch(types: Types) {
      const [b, h, , d] = types.keys.shape;
      const projected = tensorType('f32', [3, b, h, d]);
      const attended = tensorType('f32', [b, h, d]);
      if (stretches(types) === 1) return { projected, attended };
      const found = tensorType('f32', [b, h, stretches(types), vectors(types) * 4 + 2]);
      return { projected, found, attended };
    },
    passes(types: Types, attrs: { eps: number; scale: number }) {
      const { x, keys, values, cos, rows } = types;
      const [b, h, c, d] = keys.shape;
      const k = size(x) / b;
      const [splits, d4] = [stretches(types), vectors(types)];
      const vector = d % 4 === 0 && wide(keys) && wide(values);
      const width = vector ? 4 : 1;
      const lines = b * h;
      const project = {
        label: 'queries, keys and values',
        x: 'x',
        m: b,
        k,
        n: h * d,
        eps: attrs.eps,
        y: 'projected',
      };
      const passes: Pass[] = [
        productsPass(format, types, { ...project, weights: ['q', 'k', 'v'] }),
        {
          label: 'append and attend',
          source: attendSource,
          reads: {
            qkv: 'projected',
            positions: 'positions',
            cos: 'cos',
            sin: 'sin',
            length: 'length',
            padding: 'padding',
            rows: rows ? 'rows' : null,
          },
          writes: { keys: 'keysOut', values: 'valuesOut', out: splits > 1 ? 'found' : 'attended' },
          params: {
            lines: u32(lines),
            splits: u32(splits),
            b: u32(b),
            h: u32(h),
            c: u32(c),
            d: u32(d),
            angles: u32(cos.shape[0]),
            scale: f32(attrs.scale),
          },
          overrides: {
            D4: d4,
            SPAN: 2 ** Math.ceil(Math.log2(d4)),
            SPLIT: splits > 1 ? stretch : c,
            WHOLE: Number(splits === 1),
            VECTOR: Number(vector),
          },
          widths: { keys: width, values: width },
          uniforms: ['length', 'padding', 'positions'],
          workgroups: lines * splits,
        },
      ];
      if (splits > 1)
        passes.push({
          label: 'combine',
          source: combineSource,
          reads: { stretches: 'found', length: 'length' },
          writes: { out: 'attended' },
          params: { lines: u32(lines), splits: u32(splits), c: u32(c), d: u32(d) },
          overrides: { D4: d4, SPLIT: stretch },
          uniforms: ['length'],
          workgroups: lines,
        });
      const back = { label: 'output', x: 'attended', m: b, k: h * d, n: k, y: 'y', residual: 'x' };
      return [...passes, productsPass(format, types, { ...back, weights: ['o'] })];
    },
  };
}

function feedForwardStep(format: Format): AnyKernel {
  const gate: Pattern = { op: siluOp, inputs: { x: format.pattern(norm, 'gate') } };
  const hidden: Pattern = { op: primitives.mul, inputs: { a: gate, b: format.pattern(norm, 'up') } };
  return {
    op: feedForwardStepOp(format),
    name: `language_model.feed_forward_step${format.suffix} few rows`,
    fuses: [
      {
        root: { op: primitives.add, inputs: { a: 'x', b: format.pattern(hidden, 'down') } },
        attrs: (of) => ({ eps: eps(of) }),
      },
    ],
    supports: (types: Types, _: unknown, gpu: GpuView) =>
      fits(types, 2 + 2 * format.operands('gate').length, gpu),
    scratch: ({ x, gate: { shape } }: Types) => ({ hidden: tensorType('f32', [rowsOf(x), shape[0]]) }),
    passes(types: Types, attrs: { eps: number }) {
      const m = rowsOf(types.x);
      const k = size(types.x) / m;
      const n = types.gate.shape[0];
      const inner = { label: 'gate and up', x: 'x', m, k, n, y: 'hidden', eps: attrs.eps, gated: true };
      const back = { label: 'down', x: 'hidden', m, k: n, n: k, y: 'y', residual: 'x' };
      return [
        productsPass(format, types, { ...inner, weights: ['gate', 'up'] }),
        productsPass(format, types, { ...back, weights: ['down'] }),
      ];
    },
  };
}

function normLinear(format: Format): AnyKernel {
  return {
    op: normLinearOp(format),
    name: `language_model.norm_linear${format.suffix} few rows`,
    fuses: [{ root: format.pattern(norm, 'weight'), attrs: (of) => ({ eps: eps(of) }) }],
    supports: (types: Types, _: unknown, gpu: GpuView) =>
      fits(types, 2 + format.operands('weight').length, gpu),
    passes(types: Types, attrs: { eps: number }) {
      const m = rowsOf(types.x);
      const [k, n] = [size(types.x) / m, types.weight.shape[0]];
      return [
        productsPass(format, types, {
          label: 'products',
          x: 'x',
          m,
          k,
          n,
          weights: ['weight'],
          y: 'y',
          eps: attrs.eps,
        }),
      ];
    },
  };
}

/** Larger fusions stand before smaller ones. */
export const decodeKernels: readonly AnyKernel[] = formats.flatMap((format) => [
  attentionStep(format),
  feedForwardStep(format),
  normLinear(format),
]);
