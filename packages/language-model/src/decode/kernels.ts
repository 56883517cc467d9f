import { primitives, size, tensorType } from '@emu-ts/graph';
import { siluOp } from '@emu-ts/nn';
import type { AnyKernel, GpuView, Pattern } from '@emu-ts/webgpu/kernel';
import { attentionStep } from './attention-step.js';
import { type Format, formats } from './formats.js';
import { feedForwardStepOp, normLinearOp } from './ops.js';
import { eps, fits, norm, productsPass, rowsOf, type Types } from './products.js';

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
