import { primitives, size, tensorType } from '@emu-ts/graph';
import { linearOp, ropeOp } from '@emu-ts/nn';
import type { AnyKernel, GpuView, Pass, Pattern } from '@emu-ts/webgpu/kernel';
import { overCache } from '../cached-attention/kernel.js';
import { cachedAttentionOp } from '../cached-attention/op.js';
import attendSource from './attend.wgsl';
import combineSource from './combine.wgsl';
import { type Format, plain } from './formats.js';
import { attentionStepOp } from './ops.js';
import { eps, f32, fits, norm, type Products, productsPass, type Types, u32, wide } from './products.js';

/** Positions of the past that one workgroup walks. */
const stretch = 128;

/** A projection of a block as it stands in a graph. */
type Project = Format['pattern'];

/** A projection with its low-rank update, which counts `factor` times or once. */
const updated =
  (format: Format, factor: boolean): Project =>
  (x, name) => {
    const down: Pattern = { op: linearOp, inputs: { x, weight: `${name}A` } };
    const up: Pattern = { op: linearOp, inputs: { x: down, weight: `${name}B` } };
    const update: Pattern = { op: primitives.mul, inputs: { a: up, b: `${name}Factor` } };
    return { op: primitives.add, inputs: { a: format.pattern(x, name), b: factor ? update : up } };
  };

function attend(project: Project): Pattern {
  const turned = (name: string): Pattern => ({
    op: ropeOp,
    inputs: { x: project(norm, name), positions: 'positions', cos: 'cos', sin: 'sin' },
  });
  return {
    op: cachedAttentionOp,
    inputs: {
      q: turned('q'),
      k: turned('k'),
      v: project(norm, 'v'),
      keys: 'keys',
      values: 'values',
      length: 'length',
      padding: 'padding',
      rows: 'rows?',
    },
    keeps: { keysOut: 'keysOut', valuesOut: 'valuesOut' },
    name: 'attend',
  };
}

export function attentionStep(format: Format): AnyKernel {
  const stretches = ({ keys }: Types) => Math.ceil(keys.shape[2] / stretch);
  const vectors = ({ keys }: Types) => Math.ceil(keys.shape[3] / 4);
  return {
    op: attentionStepOp(format),
    name: `language_model.attention_step${format.suffix} few rows`,
    fuses: [format.pattern, updated(format, false), updated(format, true)].map((project) => ({
      root: { op: primitives.add, inputs: { a: 'x', b: project(attend(project), 'o') } },
      attrs: (of) => ({ eps: eps(of), scale: of.attend.scale }),
    })),
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
      const rank = types.qA?.shape[0] ?? 0;
      return {
        projected,
        attended,
        ...(stretches(types) > 1 && {
          found: tensorType('f32', [b, h, stretches(types), vectors(types) * 4 + 2]),
        }),
        ...(rank && {
          low: tensorType('f32', [3, b, rank]),
          unchanged: projected,
          lowOut: tensorType('f32', [b, rank]),
          out: tensorType('f32', types.x.shape),
        }),
      };
    },
    passes(types: Types, attrs: { eps: number; scale: number }) {
      const { x, keys, values, cos, rows } = types;
      const [b, h, c, d] = keys.shape;
      const k = size(x) / b;
      const [splits, d4] = [stretches(types), vectors(types)];
      const vector = d % 4 === 0 && wide(keys) && wide(values);
      const width = vector ? 4 : 1;
      const lines = b * h;
      const project = { label: 'queries, keys and values', x: 'x', m: b, k, n: h * d, eps: attrs.eps };
      const back = { label: 'output', x: 'attended', m: b, k: h * d, n: k, residual: 'x' };
      const passes: Pass[] = [
        ...updatedPasses(format, types, { ...project, weights: ['q', 'k', 'v'], y: 'projected' }, [
          'low',
          'unchanged',
        ]),
        {
          label: 'append and attend',
          source: overCache(attendSource),
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
      const last = { ...back, weights: ['o'], y: 'y' };
      return [...passes, ...updatedPasses(format, types, last, ['lowOut', 'out'])];
    },
  };
}

/**
 * Products with weights and, where they have low-rank updates, what those add: two dispatches for all weights that share
 * x, with what lies between in `low`, and the products themselves in `unchanged`.
 */
function updatedPasses(
  format: Format,
  types: Types,
  p: Products,
  [low, unchanged]: readonly [string, string],
): Pass[] {
  const [first] = p.weights;
  const down = types[`${first}A`];
  if (!down) return [productsPass(format, types, p)];
  const [rank] = down.shape;
  const { label, x, m, k, n, eps, weights, y } = p;
  const factor = types[`${first}Factor`] && `${first}Factor`;
  const each = (end: string) => weights.map((name) => `${name}${end}`);
  return [
    productsPass(format, types, { ...p, y: unchanged }),
    productsPass(plain, types, {
      label: `${label}, down`,
      x,
      m,
      k,
      n: rank,
      eps,
      weights: each('A'),
      y: low,
    }),
    productsPass(plain, types, {
      label: `${label}, up`,
      ...{ x: low, m, k: rank, n, weights: each('B'), y, residual: unchanged, apart: true, factor },
    }),
  ];
}
